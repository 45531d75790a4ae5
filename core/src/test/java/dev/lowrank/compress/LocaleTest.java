package dev.lowrank.compress;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.model.LanguageModel;
import dev.lowrank.testing.CompressedForm;
import dev.lowrank.testing.GoldenModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocaleTest {
    private final Locale before = Locale.getDefault();

    @TempDir
    Path root;

    @AfterEach
    void restore() {
        Locale.setDefault(before);
    }

    private TreeMap<String, byte[]> compressedUnder(Locale locale, String name) throws IOException {
        Locale.setDefault(locale);
        var output = Files.createDirectory(root.resolve(name)).resolve("model");
        try (var source = LanguageModel.open(GoldenModel.of("llama-gqa-tied").folder())) {
            CompressedForm.PIVOTED_BIASED.write(source, 0.6, output);
        }
        var files = new TreeMap<String, byte[]>();
        try (var list = Files.list(output)) {
            for (var file : list.toList()) {
                files.put(String.valueOf(file.getFileName()), Files.readAllBytes(file));
            }
        }
        return files;
    }

    @Test
    void theLanguageOfTheMachineChangesNoByte() throws IOException {
        var english = compressedUnder(Locale.ENGLISH, "english");
        // Other digits, other separators, and an i without a dot.
        for (var tag : new String[] {"ar-EG-u-nu-arab", "de-DE", "tr-TR"}) {
            var other = compressedUnder(Locale.forLanguageTag(tag), tag);
            assertThat(other.keySet()).isEqualTo(english.keySet());
            english.forEach((name, bytes) ->
                    assertThat(other.get(name)).as(tag + " " + name).isEqualTo(bytes));
        }
    }
}
