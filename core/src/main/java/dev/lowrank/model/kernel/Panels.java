package dev.lowrank.model.kernel;

import dev.lowrank.tensor.HostTensor;
import dev.lowrank.tensor.LargeMemory;
import dev.lowrank.tensor.Processor;
import java.lang.foreign.MemorySegment;

/// A matrix packed for products with rows of activations: as many rows as a vector has lanes form a panel,
/// and within a panel the words of its rows lie side by side, column after column. A product then needs no
/// sum over lanes, and a step reads each thread's panels as long sequential streams.
///
/// Weights keep their width: F32, BF16, F16, Q8_0, Q4_0, Q4_1, Q4_K, Q6_K and NF4 take the bytes that their
/// tensor takes (plus padding to whole panels), Q5_0 those of Q8_0, everything else is F32.
public final class Panels {
    /// A kernel may look this far beyond the panel it works on, to have it fetched.
    static final int AHEAD = 16384;
    /// Whether it does; where the processor fetches far ahead by itself, looking only costs.
    static final boolean LOOKS_AHEAD = !Processor.here().fetchesFarAhead();

    private final PanelForm form;
    private final int rows;
    private final int columns;
    private final int lanes;
    private final MemorySegment data;

    private Panels(PanelForm form, int rows, int columns, int lanes, MemorySegment data) {
        this.form = form;
        this.rows = rows;
        this.columns = columns;
        this.lanes = lanes;
        this.data = data;
    }

    /// Packs a matrix. The tensor's memory is not needed afterwards.
    ///
    /// @param tensor `[rows, columns]`, floating
    /// @param lanes rows of a panel
    /// @param memory takes the packed weights
    /// @param team packs
    /// @throws IllegalArgumentException if it is not a matrix of real numbers
    public static Panels pack(HostTensor tensor, int lanes, LargeMemory memory, WorkerTeam team) {
        if (tensor.shape().rank() != 2 || !tensor.dtype().isFloating()) {
            throw new IllegalArgumentException("A row product needs a floating matrix [out, in], but this tensor is "
                    + tensor.dtype() + " " + tensor.shape());
        }
        var form = PanelForm.of(tensor.dtype());
        var rows = Math.toIntExact(tensor.shape().size(0));
        var columns = Math.toIntExact(tensor.shape().size(1));
        var panelBytes = (long) (form.headWords(columns) + form.bodyWords(columns)) * lanes * 4;
        var count = Math.ceilDiv(rows, lanes);
        var data = memory.allocate(Math.multiplyExact(count, panelBytes), AHEAD);
        var panels = new Panels(form, rows, columns, lanes, data);
        var packer = new PanelPacker(tensor, panels);
        team.run((panel, _) -> packer.pack(panel), count);
        return panels;
    }

    PanelForm form() {
        return form;
    }

    /// Output width.
    public int rows() {
        return rows;
    }

    /// Input width.
    public int columns() {
        return columns;
    }

    /// Rows of a panel.
    public int lanes() {
        return lanes;
    }

    /// Panels, the last one padded with rows of zeros.
    public int count() {
        return Math.ceilDiv(rows, lanes);
    }

    /// Blocks of a row that have a scale of their own.
    int blocks() {
        return columns / form.blockWeights();
    }

    /// Bytes of the scales in front of each panel.
    long headBytes() {
        return (long) form.headWords(columns) * lanes * 4;
    }

    /// Bytes of one panel.
    public long panelBytes() {
        return headBytes() + (long) form.bodyWords(columns) * lanes * 4;
    }

    /// Bytes that a product reads.
    public long bytes() {
        return count() * panelBytes();
    }

    MemorySegment data() {
        return data;
    }

    /// Writes a whole panel.
    ///
    /// @param words scales first, those of its rows side by side
    void fill(int panel, int[] words) {
        MemorySegment.copy(words, 0, data, HostTensor.INT, panel * panelBytes(), words.length);
    }

    /// Puts a panel's sums where they belong; the last panel has rows that are none.
    void place(int panel, float[] sums, int from, float[] y, int offset) {
        var row = panel * lanes;
        System.arraycopy(sums, from, y, offset + row, Math.min(lanes, rows - row));
    }

    /// Form and sizes, for messages.
    @Override
    public String toString() {
        return form + " [" + rows + ", " + columns + "]";
    }

    /// Whether products with another matrix read the same of an input.
    public boolean readsLike(Panels other) {
        return form.input() == other.form.input();
    }
}
