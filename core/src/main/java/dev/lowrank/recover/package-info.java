/// Wins back by training what a compression lost: the factors of a folder that we wrote, and its norms,
/// against the text and the dense teacher's predictions, in the same storage forms and bytes.
///
/// Reading order: [RecoveryRecipe] (what is asked), [Recovery] (does it), [Student] (what is trained),
/// [TeacherTargets] and [HeadLoss] (what it is trained towards), [Gradients] (one step), [EndToEnd] and
/// [BlockRefinement] (the stages), [TrainingState] (what survives a kill), [RecoveryReport].
@NullMarked
package dev.lowrank.recover;

import org.jspecify.annotations.NullMarked;
