package dev.lowrank.app;

import dev.lowrank.tensor.Compute;
import dev.lowrank.tensor.DType;
import dev.lowrank.tensor.Linalg;
import dev.lowrank.tensor.TensorScope;
import dev.lowrank.tensor.Tensors;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/// A process that computes in LibTorch on several threads until it is stopped. The argument `resumable`
/// makes its work one that can be continued.
final class BusyProcess {
    /// Said on standard output when all threads compute.
    static final String BUSY = "busy";

    private BusyProcess() {}

    public static void main(String[] arguments) {
        var console = new Console(System.out, new PrintStream(System.err, true, StandardCharsets.UTF_8), false, false);
        var interruption = new Interruption(console);
        interruption.install();
        if (arguments.length > 0 && arguments[0].equals("resumable")) {
            interruption.resumable("Go on.");
        }
        Compute.setThreads(2);
        for (var i = 0; i < 2; i++) {
            Thread.ofPlatform().daemon().start(BusyProcess::multiply);
        }
        decompose(1);
        System.out.println(BUSY);
        System.out.flush();
        while (true) {
            Compute.each(2, BusyProcess::decompose);
        }
    }

    private static void decompose(int seed) {
        TensorScope.tidy(() -> Linalg.eigh(Tensors.randn(seed, DType.F64, 96, 96))
                .values()
                .max()
                .item());
    }

    private static void multiply() {
        while (true) {
            TensorScope.tidy(() -> {
                var x = Tensors.ones(DType.F32, 512, 512);
                return x.matmul(x).exp().sum().item();
            });
        }
    }
}
