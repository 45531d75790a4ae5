package dev.lowrank.app.bench;

/// Speed of a peer.
///
/// @param peer its name, with the element type where it runs several
/// @param bytes of the weights as it holds them; 0 where that is not known
/// @param promptTokens tokens of the prompt as it counts them
/// @param prefill prompt tokens a second
/// @param decode tokens a second after the prompt
public record PeerSpeed(String peer, long bytes, int promptTokens, double prefill, double decode) {
    /// The better of two measurements of the same.
    PeerSpeed best(PeerSpeed other) {
        return new PeerSpeed(
                peer, bytes, promptTokens, Math.max(prefill, other.prefill), Math.max(decode, other.decode));
    }
}
