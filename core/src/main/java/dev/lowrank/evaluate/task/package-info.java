/// Tasks: what a model can do, by the rules of lm-evaluation-harness. Read `TaskDefinition` (what a task
/// is) and `TaskReader` (its file), `Tasks` (the ones we know), `TaskData` (records), `TaskPrompts` (what a
/// model is asked), `TaskRun` (asking and scoring), `TaskResult`.
@NullMarked
package dev.lowrank.evaluate.task;

import org.jspecify.annotations.NullMarked;
