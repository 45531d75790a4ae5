package dev.lowrank.text.jinja;

import dev.lowrank.text.jinja.TemplateException.Kind;

/// What one rendering may use; every part of the engine pays here before it works.
final class Budget {
    static final long MAX_STEPS = 2_000_000;
    static final int MAX_DEPTH = 100;
    static final int MAX_OUTPUT = 4 << 20;
    static final long MAX_MEMORY = 64L << 20;
    static final int MAX_RANGE = 100_000;

    private long steps;
    private long memory;
    private int depth;

    void step() {
        steps(1);
    }

    void steps(int count) {
        steps += count;
        if (steps > MAX_STEPS) {
            throw spent("more than " + MAX_STEPS + " steps");
        }
    }

    /// @param size characters or list places about to be made
    void allocate(long size) {
        if (size > MAX_OUTPUT) {
            throw spent("a value of " + size + " characters or places; at most " + MAX_OUTPUT + " are allowed");
        }
        memory += size;
        if (memory > MAX_MEMORY) {
            throw spent("more than " + MAX_MEMORY + " characters in all values together");
        }
    }

    void output(long size) {
        if (size > MAX_OUTPUT) {
            throw spent("more than " + MAX_OUTPUT + " characters of output");
        }
    }

    void range(long size) {
        if (size > MAX_RANGE) {
            throw spent("a range of " + size + " numbers; at most " + MAX_RANGE + " are allowed");
        }
    }

    void enter() {
        if (++depth > MAX_DEPTH) {
            throw spent("more than " + MAX_DEPTH + " calls inside one another");
        }
    }

    void leave() {
        depth--;
    }

    static TemplateException spent(String what) {
        return new TemplateException(Kind.BUDGET, "The template asks for " + what + ".");
    }
}
