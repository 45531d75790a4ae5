package dev.lowrank.model;

import java.util.Arrays;
import java.util.stream.Collectors;

/// What a compressible linear does inside its block.
public enum Role {
    Q_PROJ("q", Feed.ATTENTION_INPUT),
    K_PROJ("k", Feed.ATTENTION_INPUT),
    V_PROJ("v", Feed.ATTENTION_INPUT),
    /// Query, key and value in one matrix (GPT-2, BigCode).
    QKV_PROJ("qkv", Feed.ATTENTION_INPUT),
    O_PROJ("o", Feed.ATTENTION_OUTPUT),
    GATE_PROJ("gate", Feed.MLP_INPUT),
    UP_PROJ("up", Feed.MLP_INPUT),
    DOWN_PROJ("down", Feed.MLP_HIDDEN);

    private final String id;
    private final Feed feed;

    Role(String id, Feed feed) {
        this.id = id;
        this.feed = feed;
    }

    /// Short name on the command line and in reports.
    public String id() {
        return id;
    }

    /// What the linear reads.
    public Feed feed() {
        return feed;
    }

    /// Finds a role by its short name.
    ///
    /// @throws IllegalArgumentException naming the known roles
    public static Role of(String id) {
        return Arrays.stream(values())
                .filter(role -> role.id.equals(id))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("Unknown target '" + id + "'; known targets: "
                        + Arrays.stream(values()).map(Role::id).collect(Collectors.joining(", "))));
    }
}
