package dev.lowrank;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.stream.Collectors;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/// Who may import whom in the library.
class FloorsTest {
    private static final JavaClasses CORE = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("dev.lowrank");

    @Test
    void theRulesSeeTheLibrary() {
        assertThat(CORE.size()).isGreaterThan(100);
    }

    @Test
    void importsOnlyGoDown() {
        layeredArchitecture()
                .consideringOnlyDependenciesInLayers()
                .layer("tensor")
                .definedBy("dev.lowrank.tensor..")
                .layer("checkpoint")
                .definedBy("dev.lowrank.checkpoint..")
                .layer("text")
                .definedBy("dev.lowrank.text..")
                .layer("model")
                .definedBy("dev.lowrank.model..")
                .layer("compress")
                .definedBy("dev.lowrank.compress..")
                .layer("recover")
                .definedBy("dev.lowrank.recover..")
                .layer("evaluate")
                .definedBy("dev.lowrank.evaluate..")
                .layer("explore")
                .definedBy("dev.lowrank.explore..")
                .layer("generate")
                .definedBy("dev.lowrank.generate..")
                .whereLayer("tensor")
                .mayNotAccessAnyLayer()
                .whereLayer("checkpoint")
                .mayOnlyAccessLayers("tensor")
                .whereLayer("text")
                .mayNotAccessAnyLayer()
                .whereLayer("model")
                .mayOnlyAccessLayers("tensor", "checkpoint", "text")
                .whereLayer("compress")
                .mayOnlyAccessLayers("tensor", "checkpoint", "text", "model")
                .whereLayer("recover")
                .mayOnlyAccessLayers("tensor", "checkpoint", "text", "model", "compress")
                .whereLayer("evaluate")
                .mayOnlyAccessLayers("tensor", "checkpoint", "text", "model")
                .whereLayer("explore")
                .mayOnlyAccessLayers("tensor", "checkpoint", "text", "model", "compress", "evaluate")
                .whereLayer("generate")
                .mayOnlyAccessLayers("tensor", "checkpoint", "text", "model")
                .check(CORE);
    }

    @Test
    void packagesHaveNoCycles() {
        slices().matching("dev.lowrank.(*)..").should().beFreeOfCycles().check(CORE);
    }

    @Test
    void onlyTensorTouchesTheNativeLibraries() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.lowrank.tensor..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.bytedeco..")
                .check(CORE);
    }

    @Test
    void onlyTheKernelsUseTheIncubatorModule() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.lowrank.model.kernel..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("jdk.incubator.vector..")
                .check(CORE);
    }

    @Test
    void onlyTextTouchesTheTokenizerLibrary() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.lowrank.text..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("ai.djl..")
                .check(CORE);
    }

    @Test
    void onlyExploreTouchesTheGeneticLibrary() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.lowrank.explore..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.jenetics..")
                .check(CORE);
    }

    @Test
    void theLibraryNeitherPrintsNorExits() {
        NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS.check(CORE);
        noClasses()
                .should()
                .callMethod(System.class, "exit", int.class)
                .orShould()
                .callMethod(Runtime.class, "halt", int.class)
                .check(CORE);
    }

    @Test
    void everyPackageIsNullMarked() {
        var packages = CORE.stream().map(JavaClass::getPackage).collect(Collectors.toSet());
        assertThat(packages)
                .filteredOn(javaPackage -> javaPackage.getClasses().stream()
                        .anyMatch(type -> !type.getSimpleName().equals("package-info")))
                .allMatch(javaPackage -> javaPackage.isAnnotatedWith(NullMarked.class), "is @NullMarked");
    }
}
