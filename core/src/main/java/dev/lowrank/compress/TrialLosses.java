package dev.lowrank.compress;

import dev.lowrank.checkpoint.Sha256;
import dev.lowrank.compress.allocate.Allocation;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/// Losses of candidates that were measured, kept in a file from one to the next: a run that is continued
/// measures none twice, nor do jobs that share a decomposition.
final class TrialLosses {
    private static final int KEY_DIGITS = 32;
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final Path file;
    private final String of;
    private final Map<String, Double> losses;

    /// Reads what was measured before.
    ///
    /// @param file where the losses lie
    /// @param of everything that decides a loss besides the choices; a file of anything else starts anew
    TrialLosses(Path file, String of) {
        this.file = file;
        this.of = of;
        var before = WorkFiles.json(file);
        var stored = before == null ? null : JSON.treeToValue(before, Stored.class);
        losses = new TreeMap<>(stored != null && of.equals(stored.of()) ? stored.losses() : Map.of());
    }

    /// What the file holds.
    ///
    /// @param of what the losses are of
    /// @param losses nats per token, by a hash of the choices
    record Stored(String of, Map<String, Double> losses) {}

    /// The loss of a candidate; null if it was not measured.
    @Nullable
    Double known(Allocation candidate) {
        return losses.get(key(candidate));
    }

    /// How many candidates were measured.
    int size() {
        return losses.size();
    }

    /// Stores a loss.
    void add(Allocation candidate, double loss) {
        losses.put(key(candidate), loss);
        WorkFiles.write(file, JSON.writeValueAsBytes(new Stored(of, losses)));
    }

    /// What tells candidates apart: ranks of what is cut. A site that is no target and one that stays dense
    /// are the same model, and a rank computes the same in every form.
    private static String key(Allocation candidate) {
        var text = new StringBuilder();
        candidate.choices().forEach((site, choice) -> {
            if (!choice.isDense()) {
                text.append(site.name()).append('=').append(choice.rank()).append(';');
            }
        });
        return Sha256.of(text.toString()).substring(0, KEY_DIGITS);
    }
}
