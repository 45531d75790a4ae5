/// Rounding what a site stores to quantised blocks, in the metric of its inputs.
///
/// Reading order: [Quantization] (what is asked), [RoundingMetric] (what errors weigh), [FeedbackRounding]
/// (one matrix), [SiteRounding] (a site's parts, one after the other), [RoundingReport]; [Bits] where an
/// allocation chooses among types.
@NullMarked
package dev.lowrank.compress.quantize;

import org.jspecify.annotations.NullMarked;
