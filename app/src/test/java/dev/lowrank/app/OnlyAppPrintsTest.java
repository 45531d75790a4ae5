package dev.lowrank.app;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.FileDescriptor;
import org.junit.jupiter.api.Test;

class OnlyAppPrintsTest {
    private static final JavaClasses ALL = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .withImportOption(location -> !location.contains("-tests.jar"))
            .importPackages("dev.lowrank");

    @Test
    void nothingWritesToStandardStreamsPastTheConsole() {
        NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS.check(ALL);
        noClasses()
                .that(belongToAnyOf(Main.class).negate())
                .should()
                .dependOnClassesThat()
                .belongToAnyOf(FileDescriptor.class)
                .check(ALL);
    }

    @Test
    void nothingBelowKnowsTheApp() {
        noClasses()
                .that(resideInAPackage("dev.lowrank..")
                        .and(resideInAPackage("dev.lowrank.app..").negate()))
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.lowrank.app..")
                .check(ALL);
    }

    @Test
    void onlyMainEndsTheProcess() {
        noClasses()
                .that(belongToAnyOf(Main.class, ProcessEnd.class).negate())
                .should()
                .callMethod(System.class, "exit", int.class)
                .orShould()
                .callMethod(Runtime.class, "halt", int.class)
                .check(ALL);
    }
}
