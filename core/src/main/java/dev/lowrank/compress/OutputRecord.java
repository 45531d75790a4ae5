package dev.lowrank.compress;

import dev.lowrank.model.LanguageModel;
import java.util.List;
import java.util.function.Supplier;
import tools.jackson.databind.node.ObjectNode;

/// What is known of an output before it is finished, for its page.
///
/// @param report what the run did; its seconds differ from run to run, so they do not belong on the page
/// @param plan what was planned from headers, with the sizes of what is not compressed
/// @param findings what the ranks were chosen by
/// @param keptShare share of the targets' cost that the ranks keep, in what the budget counts; NaN where
///     there are no curves
/// @param command words of a command that makes the output again; texts and model without their folders
/// @param respend words of the command that spends a share `{keep}` by the curves of the findings; empty
///     where there are none
/// @param run what the manifest will say of the run. Read only
/// @param reopened opens the model as it is written; whoever calls closes it
public record OutputRecord(
        CompressionReport report,
        CompressionPlan plan,
        SiteFindings findings,
        double keptShare,
        List<String> command,
        List<String> respend,
        ObjectNode run,
        Supplier<LanguageModel> reopened) {
    public OutputRecord {
        command = List.copyOf(command);
        respend = List.copyOf(respend);
    }
}
