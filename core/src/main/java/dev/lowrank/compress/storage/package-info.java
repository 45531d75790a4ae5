/// Storage forms: what a rank costs in each, and how factors become what a site stores.
///
/// Reading order: [StorageForm] (costs), [SiteWriter] (factors to a stored [dev.lowrank.model.Linear]).
@NullMarked
package dev.lowrank.compress.storage;

import org.jspecify.annotations.NullMarked;
