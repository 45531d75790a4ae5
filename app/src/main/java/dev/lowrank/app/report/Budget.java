package dev.lowrank.app.report;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.lowrank.compress.allocate.BudgetCurves;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The section in which the reader spends another budget: the page solves the allocation again from the
/// curves that the run decided by.
///
/// Curves are packed so that a page stays below a megabyte: as they are (F64) where they have at most
/// [#EXACT] values, else in F32, and beyond [#MOST] only at every other rank, or every fourth, and so on.
/// The command then asks for those ranks alone.
///
/// @param unit what the share counts: `parameters`, `bytes` or `decode-bytes`
/// @param keep the share that the section starts with
/// @param rankMultiple every rank is a multiple of this
/// @param step ranks between two options of the first pass, before rounding up to the multiple
/// @param floor smallest share of its dense cost that a site keeps
/// @param forms forms of a cut site, in the order in which ties are decided
/// @param wide whether losses are F64; else F32
/// @param thinned whether ranks are further apart than the run had them
/// @param rest what the model has besides these sites
/// @param command words of the command; `{keep}` stands for the share
/// @param reference what predictions are set against; null where nothing was measured
/// @param sites in execution order
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Budget(
        String unit,
        double keep,
        int rankMultiple,
        int step,
        double floor,
        List<String> forms,
        boolean wide,
        boolean thinned,
        Rest rest,
        List<String> command,
        @Nullable Reference reference,
        List<Site> sites) {
    /// Values that are stored as they are.
    static final int EXACT = 50_000;
    /// Values that are stored at all.
    static final int MOST = 120_000;

    /// What the model has besides the sites.
    ///
    /// @param parameters numbers
    /// @param bytes bytes of weights
    /// @param decodeBytes bytes of these that a decoded token reads
    public record Rest(long parameters, long bytes, long decodeBytes) {}

    /// What was measured.
    ///
    /// @param text on what
    /// @param before perplexity of the dense model
    /// @param after of the model that was written; null where none was
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Reference(
            String text, double before, @Nullable Double after) {}

    /// A target.
    ///
    /// @param name module path
    /// @param layer block index
    /// @param role short name of its role
    /// @param out outputs
    /// @param in inputs
    /// @param components of its decomposition
    /// @param elementBytes bytes of a number
    /// @param bias whether it has a bias
    /// @param gains whether it gains one by being cut
    /// @param losses nats at every multiple of the rank multiple up to `components`, then at `components`;
    ///     base64
    ///     of little-endian numbers
    public record Site(
            String name,
            int layer,
            String role,
            int out,
            int in,
            int components,
            int elementBytes,
            boolean bias,
            boolean gains,
            String losses) {}

    /// Packs the curves of a run.
    ///
    /// @param keep the share that the section starts with
    /// @param command words of the command that spends the share `{keep}`
    public static Budget of(
            BudgetCurves curves, double keep, Rest rest, List<String> command, @Nullable Reference reference) {
        var multiple = curves.rankMultiple();
        while (values(curves, multiple) > MOST) {
            multiple *= 2;
        }
        var wide = values(curves, multiple) <= EXACT;
        var words = new ArrayList<>(command);
        words.set(words.indexOf("--rank-multiple") + 1, Integer.toString(multiple));
        var spaced = multiple;
        return new Budget(
                curves.unit().id(),
                keep,
                multiple,
                curves.step(),
                curves.floor(),
                curves.forms(),
                wide,
                multiple > curves.rankMultiple(),
                rest,
                List.copyOf(words),
                reference,
                curves.sites().stream().map(site -> site(site, spaced, wide)).toList());
    }

    private static long values(BudgetCurves curves, int multiple) {
        return curves.sites().stream()
                .mapToLong(site -> (site.losses().length - 1) / multiple + 1L)
                .sum();
    }

    private static Site site(BudgetCurves.Site site, int multiple, boolean wide) {
        var components = site.losses().length - 1;
        var count = components / multiple + 1;
        var bytes =
                ByteBuffer.allocate(count * (wide ? Double.BYTES : Float.BYTES)).order(ByteOrder.LITTLE_ENDIAN);
        for (var i = 1; i <= count; i++) {
            var loss = site.losses()[i == count ? components : i * multiple];
            if (wide) {
                bytes.putDouble(loss);
            } else {
                bytes.putFloat((float) loss);
            }
        }
        return new Site(
                site.name(),
                site.layer(),
                site.role(),
                site.out(),
                site.in(),
                components,
                site.elementBytes(),
                site.bias(),
                site.gains(),
                Base64.getEncoder().encodeToString(bytes.array()));
    }
}
