/// A disk that fails where a test wants it to: [FaultyDisk] wraps the real file system, so that the code
/// under test runs unchanged.
package dev.lowrank.testing.disk;
