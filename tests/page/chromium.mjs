// A headless Chromium, spoken to over a pipe in its own protocol.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAMS = ["chromium", "chromium-browser", "google-chrome"];

export class Chromium {
  #next = 1;
  #waiting = new Map();
  #listeners = [];
  #rest = "";

  static async start() {
    for (const program of PROGRAMS) {
      const browser = new Chromium(program);
      if (await browser.started) return browser;
    }
    throw new Error(`none of ${PROGRAMS.join(", ")} can be started: tools/packages installs one`);
  }

  constructor(program) {
    this.profile = mkdtempSync(join(tmpdir(), "zkmig-page-"));
    // Tests run as root in containers, where Chromium's own sandbox can't; what is opened is our own page.
    const options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-component-update", `--user-data-dir=${this.profile}`, "--remote-debugging-pipe", "about:blank"];
    this.process = spawn(program, options, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.started = new Promise((resolve) => {
      this.process.once("error", () => resolve(false));
      this.process.once("spawn", () => resolve(true));
    });
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.stdio[3].on("error", () => {});
    this.process.stdio[4].on("data", (bytes) => this.#read(bytes.toString("utf8")));
  }

  #read(text) {
    const messages = (this.#rest + text).split("\0");
    this.#rest = messages.pop();
    for (const message of messages.map((one) => JSON.parse(one))) {
      const waiting = this.#waiting.get(message.id);
      if (waiting) {
        this.#waiting.delete(message.id);
        message.error ? waiting.reject(new Error(message.error.message)) : waiting.resolve(message.result);
      } else for (const listener of this.#listeners) listener(message);
    }
  }

  send(method, params = {}, sessionId) {
    const id = this.#next++;
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  // A new page of this size; `dark` is what its reader prefers.
  async page({ width, height, dark = false, phone = false }) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId, targetId);
    this.#listeners.push((message) => message.sessionId === sessionId && page.hear(message));
    for (const domain of ["Page", "Runtime", "Log", "Network", "Performance"]) await page.send(`${domain}.enable`);
    await page.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: phone });
    await page.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
    return page;
  }

  async end() {
    this.process.kill("SIGKILL");
    await this.ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Page {
  // What went wrong on the page, and what it asked for.
  complaints = [];
  requests = [];
  #loaded = [];

  constructor(browser, sessionId, targetId) {
    Object.assign(this, { browser, sessionId, targetId });
  }

  send(method, params) {
    return this.browser.send(method, params, this.sessionId);
  }

  hear({ method, params }) {
    if (method === "Runtime.exceptionThrown") this.complaints.push(params.exceptionDetails.exception?.description || params.exceptionDetails.text);
    if (method === "Log.entryAdded" && params.entry.level === "error") this.complaints.push(params.entry.text);
    if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    if (method === "Page.loadEventFired") this.#loaded.splice(0).forEach((resolve) => resolve());
  }

  async open(url) {
    const loaded = new Promise((resolve) => this.#loaded.push(resolve));
    await this.send("Page.navigate", { url });
    await loaded;
  }

  async evaluate(expression) {
    const answer = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (answer.exceptionDetails) throw new Error(answer.exceptionDetails.exception?.description || answer.exceptionDetails.text);
    return answer.result.value;
  }

  async key(key, text) {
    const code = { key, windowsVirtualKeyCode: { Tab: 9, Enter: 13, Home: 36, End: 35, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40 }[key] };
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...code, text });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...code });
  }

  // The processor time that the page's process has used, in seconds: what else the machine does is not in it.
  async seconds() {
    const { metrics } = await this.send("Performance.getMetrics");
    return metrics.find((metric) => metric.name === "ProcessTime").value;
  }

  async picture(whole = true) {
    const { data } = await this.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: whole });
    return Buffer.from(data, "base64");
  }

  close() {
    return this.browser.send("Target.closeTarget", { targetId: this.targetId });
  }
}
