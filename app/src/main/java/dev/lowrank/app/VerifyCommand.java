package dev.lowrank.app;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lowrank.checkpoint.FolderVerification;
import dev.lowrank.checkpoint.FolderVerification.Status;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/// Compares a folder that Lowrank wrote with its manifest, byte for byte.
@Command(
        name = "verify",
        mixinStandardHelpOptions = true,
        description = "Compare a folder that Lowrank wrote with the lengths and hashes in its manifest.")
final class VerifyCommand implements Callable<Integer> {
    /// @param folder its path
    /// @param status `INTACT`, `DAMAGED` or `INCOMPLETE`
    /// @param ok files as they were written
    /// @param missing files that are gone
    /// @param changed files with another length or hash
    /// @param extra files the manifest does not know
    record Document(
            @JsonProperty("folder") String folder,
            @JsonProperty("status") Status status,
            @JsonProperty("ok") List<String> ok,
            @JsonProperty("missing") List<String> missing,
            @JsonProperty("changed") List<String> changed,
            @JsonProperty("extra") List<String> extra) {

        static Document of(Path folder, FolderVerification result) {
            return new Document(
                    folder.toString(),
                    result.status(),
                    result.ok(),
                    result.missing(),
                    result.changed(),
                    result.extra());
        }

        String text() {
            var table = Table.of("file", "state");
            missing.forEach(file -> table.row(file, "MISSING"));
            changed.forEach(file -> table.row(file, "CHANGED"));
            ok.forEach(file -> table.row(file, "ok"));
            extra.forEach(file -> table.row(file, "not in the manifest"));
            return table.render() + verdict() + "\n";
        }

        private String verdict() {
            return switch (status) {
                case INTACT -> folder + " is intact: " + ok.size() + " files as they were written.";
                case DAMAGED ->
                    folder + " is damaged: " + missing.size() + " files missing, " + changed.size()
                            + " changed. Write or copy it again.";
                case INCOMPLETE -> folder + " was never finished: it has no manifest. Run its command again.";
            };
        }
    }

    private final Console console;

    @Parameters(paramLabel = "FOLDER", description = "A folder that Lowrank wrote.")
    private Path folder;

    VerifyCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        var document = Document.of(folder, FolderVerification.verify(folder));
        console.result(document, document::text);
        return (document.status() == Status.INTACT ? ExitCode.OK : ExitCode.INPUT).number();
    }
}
