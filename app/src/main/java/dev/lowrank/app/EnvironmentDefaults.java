package dev.lowrank.app;

import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;

/// Takes the default of `--some-option` from the environment variable `LOWRANK_SOME_OPTION`. A flag on the
/// command line wins over it, and it wins over the built-in default.
final class EnvironmentDefaults implements IDefaultValueProvider {
    private final Map<String, String> environment;

    EnvironmentDefaults(Map<String, String> environment) {
        this.environment = environment;
    }

    @Override
    public @Nullable String defaultValue(ArgSpec argument) {
        if (!(argument instanceof OptionSpec option) || option.usageHelp() || option.versionHelp()) {
            return null;
        }
        var value = environment.get(variable(option));
        return value == null || !isSwitch(option) ? value : String.valueOf(isTrue(value));
    }

    /// The variable of an option.
    static String variable(OptionSpec option) {
        var name = option.longestName().replaceFirst("^-+", "");
        return "LOWRANK_" + name.replace('-', '_').toUpperCase(Locale.ROOT);
    }

    private static boolean isSwitch(OptionSpec option) {
        return option.type() == boolean.class || option.type() == Boolean.class;
    }

    private static boolean isTrue(String value) {
        return switch (value.toUpperCase(Locale.ROOT)) {
            case "1", "ON", "YES", "TRUE" -> true;
            default -> false;
        };
    }
}
