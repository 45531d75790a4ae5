/// What calibration measures: moments of the activations around each site, accumulated while hidden states
/// stream by.
///
/// Reading order: [Statistic] (what a method may ask for), [SiteStatistics] (what it gets), [SecondMoment]
/// (on which side it was measured), [Shrinkage] (what is made of few tokens), [BlockStatistics] (the
/// collector); [ModuleStatistics] and [ModuleSums] inside modules.
@NullMarked
package dev.lowrank.compress.statistics;

import org.jspecify.annotations.NullMarked;
