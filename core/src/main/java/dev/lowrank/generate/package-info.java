/// Text from a decoder for many requests at once: one engine thread a model, requests that join and leave at
/// any token.
@NullMarked
package dev.lowrank.generate;

import org.jspecify.annotations.NullMarked;
