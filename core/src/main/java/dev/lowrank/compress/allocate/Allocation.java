package dev.lowrank.compress.allocate;

import dev.lowrank.model.LinearSite;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A choice for every target site.
///
/// @param choices in the order of the problem's evidence
/// @param cost of all choices together, in the budget's unit
/// @param predictedLoss increase of the loss that the allocator expects, in nats per token; NaN if it
///     expects none in that unit
/// @param marks what a rule says of single sites beyond their choice, such as WeLore's `LRC`; usually empty
/// @param notes what happened on the way, for the manifest
public record Allocation(
        Map<LinearSite, Choice> choices,
        long cost,
        double predictedLoss,
        Map<LinearSite, String> marks,
        List<String> notes) {
    public Allocation {
        choices = Collections.unmodifiableMap(new LinkedHashMap<>(choices));
        marks = Collections.unmodifiableMap(new LinkedHashMap<>(marks));
        notes = List.copyOf(notes);
    }

    /// Adds up what choices cost and holds them against the budget.
    ///
    /// @param choices one for each piece of evidence, in its order
    /// @throws IllegalArgumentException if they cost more than the budget
    static Allocation within(AllocationProblem problem, List<Choice> choices) {
        var unit = problem.budget().unit();
        var map = new LinkedHashMap<LinearSite, Choice>();
        var cost = 0L;
        for (var i = 0; i < choices.size(); i++) {
            var evidence = problem.evidence().get(i);
            map.put(evidence.site(), choices.get(i));
            cost += unit.cost(evidence.site(), evidence.dtype(), choices.get(i));
        }
        if (cost > problem.limit()) {
            throw new IllegalArgumentException("The chosen ranks cost " + cost + " " + unit.id()
                    + ", more than the budget of " + problem.limit() + "; raise the budget or lower the ranks");
        }
        return new Allocation(map, cost, Double.NaN, Map.of(), List.of());
    }

    /// What a site will store.
    ///
    /// @throws IllegalArgumentException if the site was not in the problem
    public Choice of(LinearSite site) {
        var choice = choices.get(site);
        if (choice == null) {
            throw new IllegalArgumentException(site.name() + " is no target of this allocation");
        }
        return choice;
    }

    /// With marks on sites.
    public Allocation withMarks(Map<LinearSite, String> marks) {
        return new Allocation(choices, cost, predictedLoss, marks, notes);
    }

    /// With notes.
    public Allocation withNotes(List<String> notes) {
        return new Allocation(choices, cost, predictedLoss, marks, notes);
    }

    /// With an expected loss increase, in nats per token.
    public Allocation withPredictedLoss(double nats) {
        return new Allocation(choices, cost, nats, marks, notes);
    }
}
