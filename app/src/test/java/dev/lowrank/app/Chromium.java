package dev.lowrank.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserType.LaunchOptions;
import com.microsoft.playwright.ConsoleMessage;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;

/// The Chromium that is installed, without a window. Nothing is downloaded.
public final class Chromium implements AutoCloseable {
    private static final List<String> NAMES = List.of("chromium", "chromium-browser", "google-chrome", "chrome");
    private static final List<String> QUIET = List.of(
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync");

    private final Playwright playwright;
    private final Browser browser;

    private Chromium(Playwright playwright, Browser browser) {
        this.playwright = playwright;
        this.browser = browser;
    }

    /// Starts it, or skips the test where there is none.
    public static Chromium start() {
        var program = Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                .flatMap(folder -> NAMES.stream().map(name -> Path.of(folder, name)))
                .filter(Files::isExecutable)
                .findFirst();
        if (program.isEmpty()) {
            abort("There is no Chromium on the PATH (looked for " + String.join(", ", NAMES)
                    + "); install one to look at pages in a browser");
        }
        var playwright = Playwright.create(
                new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
        var options = new LaunchOptions()
                .setExecutablePath(program.orElseThrow())
                .setHeadless(true)
                .setChromiumSandbox(false)
                .setArgs(QUIET);
        return new Chromium(playwright, playwright.chromium().launch(options));
    }

    /// Opens a file and does something with it; fails on a request for anything else, an error of the
    /// script or a message on the browser's console.
    void open(Path file, int width, Consumer<Page> look) {
        try (var context = browser.newContext(new Browser.NewContextOptions().setViewportSize(width, 900));
                var page = context.newPage()) {
            var requests = new ArrayList<String>();
            var complaints = new ArrayList<String>();
            page.onRequest(request -> requests.add(request.url()));
            page.onConsoleMessage((ConsoleMessage message) -> complaints.add(message.text()));
            page.onPageError(complaints::add);
            var address = file.toUri().toString();
            page.navigate(address);
            look.accept(page);
            assertThat(complaints).isEmpty();
            assertThat(requests).allMatch(url -> url.equals(address) || url.startsWith("data:"));
        }
    }

    /// Opens a page of a server and does something with it; fails on a request for anything elsewhere or an
    /// error of the script.
    ///
    /// @param server how all addresses begin
    public void visit(String server, Browser.NewContextOptions options, Consumer<Page> look) {
        try (var context = browser.newContext(options);
                var page = context.newPage()) {
            var requests = new ArrayList<String>();
            var errors = new ArrayList<String>();
            page.onRequest(request -> requests.add(request.url()));
            page.onPageError(errors::add);
            page.navigate(server + "/");
            look.accept(page);
            assertThat(errors).isEmpty();
            assertThat(requests).allMatch(url -> url.startsWith(server + "/") || url.startsWith("data:"));
        }
    }

    @Override
    public void close() {
        browser.close();
        playwright.close();
    }
}
