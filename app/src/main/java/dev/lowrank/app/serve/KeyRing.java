package dev.lowrank.app.serve;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/// The API keys, held as hashes and compared in constant time. A key's owner is a name made of its hash: it
/// tells requests apart and gives nothing away.
final class KeyRing {
    private static final String ANYBODY = "anybody";
    private static final int NAME_DIGITS = 12;

    private final List<byte[]> hashes;

    KeyRing(List<String> keys) {
        hashes = keys.stream().map(KeyRing::hash).toList();
    }

    private static byte[] hash(String key) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException missing) {
            throw new IllegalStateException("Every Java has SHA-256", missing);
        }
    }

    boolean isOpen() {
        return hashes.isEmpty();
    }

    /// Whose request it is.
    ///
    /// @param authorization all headers of that name
    /// @return empty if the key is missing or wrong
    Optional<String> owner(List<String> authorization) {
        if (isOpen()) {
            return Optional.of(ANYBODY);
        }
        if (authorization.size() != 1 || !authorization.getFirst().regionMatches(true, 0, "Bearer ", 0, 7)) {
            return Optional.empty();
        }
        var given = hash(authorization.getFirst().substring(7).strip());
        byte[] match = null;
        for (var known : hashes) {
            // No early end: the time does not tell which key was nearly right.
            if (MessageDigest.isEqual(known, given)) {
                match = known;
            }
        }
        return Optional.ofNullable(match)
                .map(hash -> HexFormat.of().formatHex(hash).substring(0, NAME_DIGITS));
    }
}
