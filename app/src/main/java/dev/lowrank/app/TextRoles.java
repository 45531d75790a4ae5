package dev.lowrank.app;

import dev.lowrank.text.CalibrationSet;
import dev.lowrank.text.TextIdentity;
import dev.lowrank.text.ValidationSet;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Which file serves as what. A text that chose something cannot also say how good the choice was, so a
/// file has one role.
final class TextRoles {
    private final Map<String, String> byHash = new HashMap<>();

    /// The texts that steer a compression.
    static TextRoles of(@Nullable CalibrationSet calibration, @Nullable ValidationSet validation) {
        var roles = new TextRoles();
        if (calibration != null) {
            roles.take("--calibration", calibration.identity());
        }
        if (validation != null) {
            roles.take("--validation", validation.identity());
        }
        return roles;
    }

    /// Gives the files of a text a role.
    ///
    /// @param option by which it was given
    /// @throws CommandException with code 2 if a file has another role already
    void take(String option, TextIdentity text) {
        for (var file : text.files()) {
            var before = byHash.putIfAbsent(file.sha256(), option);
            if (before != null && !before.equals(option)) {
                throw new CommandException(
                        ExitCode.USAGE,
                        file.name() + " is given as " + before + " and as " + option
                                + ": what was chosen by a text looks too good on it.",
                        "Give another text, or another part of this one, for one of them.");
            }
        }
    }
}
