/// The commands: the only composition root, the only console, the only exit codes.
///
/// Reading order: [Main] wires everything; [Console] is the only place that prints; [Failure] turns
/// whatever went wrong into an [ExitCode], a sentence of fact and a remedy; each command is one file
/// (`InspectCommand`, ...), thin over one library call; [ModelArgument] finds the model that a command line
/// means; [dev.lowrank.app.report] is what the pages of results show.
@NullMarked
package dev.lowrank.app;

import org.jspecify.annotations.NullMarked;
