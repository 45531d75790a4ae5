package dev.lowrank.compress;

import dev.lowrank.compress.quantize.RoundingReport;
import dev.lowrank.compress.quantize.RoundingTotals;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// What a run did.
///
/// @param output the folder written
/// @param method the name of its recipe: `lowrank`, or its method
/// @param storage its storage policy
/// @param allocator what chose its ranks
/// @param keptTarget numbers kept ÷ original over the target linears
/// @param keptModel numbers kept ÷ original over the whole model
/// @param parametersBefore numbers of the source
/// @param parametersAfter numbers of the output
/// @param bytesBefore bytes of the source's weight files
/// @param bytesAfter bytes of the output's weight files
/// @param seconds where the time went
/// @param allocation what the choice of ranks has to say; usually empty
/// @param validated what the output was measured to lose on the text that bounded it; null without a bound
/// @param windows how many calibration windows each part of the run saw
/// @param sites what became of each target
/// @param warnings what the user should know
public record CompressionReport(
        Path output,
        String method,
        String storage,
        String allocator,
        double keptTarget,
        double keptModel,
        long parametersBefore,
        long parametersAfter,
        long bytesBefore,
        long bytesAfter,
        Seconds seconds,
        List<String> allocation,
        @Nullable Validated validated,
        CalibrationShares windows,
        List<SiteReport> sites,
        List<String> warnings) {
    public CompressionReport {
        allocation = List.copyOf(allocation);
        sites = List.copyOf(sites);
        warnings = List.copyOf(warnings);
    }

    /// The same report with the time that finishing took counted in.
    CompressionReport withSeconds(Seconds counted) {
        return copy(output, counted);
    }

    /// The same report of a folder that was moved.
    public CompressionReport movedTo(Path folder) {
        return copy(folder, seconds);
    }

    /// What rounding to blocks came to; null where everything is stored in plain numbers.
    public @Nullable RoundingTotals rounding() {
        return RoundingTotals.of(sites.stream()
                .map(SiteReport::rounding)
                .filter(Objects::nonNull)
                .map(RoundingReport.class::cast)
                .toList());
    }

    private CompressionReport copy(Path folder, Seconds counted) {
        return new CompressionReport(
                folder,
                method,
                storage,
                allocator,
                keptTarget,
                keptModel,
                parametersBefore,
                parametersAfter,
                bytesBefore,
                bytesAfter,
                counted,
                allocation,
                validated,
                windows,
                sites,
                warnings);
    }

    /// Seconds by phase; a resumed run counts what it did itself. Where several jobs share a calibration or
    /// a decomposition, each counts all of it, as if it had run alone; only `total` knows of the others.
    ///
    /// @param calibrate running the calibration text and summing statistics; 0 for a method that needs none
    /// @param decompose decompositions and storage forms
    /// @param allocate sensitivities and the choice of ranks, of all jobs
    /// @param write shards, assembly, check
    /// @param total wall clock
    public record Seconds(double calibrate, double decompose, double allocate, double write, double total) {}
}
