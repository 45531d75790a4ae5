package dev.lowrank.app;

import picocli.CommandLine.IVersionProvider;

/// Says which Lowrank runs on which Java.
final class Version implements IVersionProvider {
    /// Lowrank's version, as the jar's manifest says; `unpackaged` when run from classes.
    static String lowrank() {
        var version = Version.class.getPackage().getImplementationVersion();
        return version == null ? "unpackaged" : version;
    }

    @Override
    public String[] getVersion() {
        return new String[] {
            "lowrank " + lowrank(), "Java " + Runtime.version() + ", " + System.getProperty("java.vm.name")
        };
    }
}
