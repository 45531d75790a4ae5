/// Generated Python programs run in a sandbox of the operating system, and pass@k over their outcomes.
///
/// Reading order: [Sandbox], [SandboxLimits], [Outcome], [PassAtK], then what a sandbox is made of:
/// [SelfTest], [Bubblewrap], [PythonRuntime], [SeccompFilter], [ControlGroup], [SandboxRun],
/// [ProcessTimes]. The program that watches a candidate from inside is the resource `supervisor.py`.
@NullMarked
package dev.lowrank.evaluate.sandbox;

import org.jspecify.annotations.NullMarked;
