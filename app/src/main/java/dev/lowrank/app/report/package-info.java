/// Pages that a person reads: one HTML file that opens anywhere, without network.
///
/// Reading order: [Report] is all that a page shows, section by section, and says nothing of how it looks;
/// [Budget] is the section in which a reader spends another budget; [Page] puts a report as JSON into the
/// template. Data flows one way: record, JSON, page.
@NullMarked
package dev.lowrank.app.report;

import org.jspecify.annotations.NullMarked;
