package dev.lowrank.app.bench;

import dev.lowrank.model.LanguageModel;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// Another program that runs the same model on the same machine.
public sealed interface Peer permits LlamaServer, LlamaProgram, LlamaPython, TransformersPeer {
    /// What it is measured with.
    ///
    /// @param model which, open
    /// @param prompt token ids, the same as here
    /// @param decodeTokens tokens decoded after it
    /// @param rounds how often; the best counts
    /// @param threads that it may use, where it can be told
    /// @param turn from 1
    /// @param work folder for files that only the measurement needs
    record Task(LanguageModel model, int[] prompt, int decodeTokens, int rounds, int threads, int turn, Path work) {
        private static final String WAITING = "OMP_WAIT_POLICY";

        /// How the peer's threads wait: as they do by default in odd turns, passively in even ones. The
        /// latter is slower on an idle machine and faster on a busy one; the better turn counts.
        ///
        /// @return what to set in its environment; an empty value removes one
        Map<String, String> waiting() {
            return Map.of(WAITING, turn % 2 == 0 ? "PASSIVE" : "");
        }
    }

    /// Its name in [Peers#NAMES].
    String name();

    /// Runs the task once.
    ///
    /// @return a figure for each element type in which it ran the model
    /// @throws PeerException if it cannot be run or does not answer as it should
    /// @throws InterruptedException if the thread is interrupted meanwhile
    List<PeerSpeed> measure(Task task) throws InterruptedException;
}
