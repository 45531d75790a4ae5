package dev.lowrank.checkpoint;

/// One file of a finished output.
///
/// @param path path inside the folder, with `/`
/// @param bytes its length
/// @param sha256 its content's hash, 64 lower-case hexadecimal digits
public record ManifestFile(String path, long bytes, String sha256) {}
