// Opens a report as a reader would, in a real browser, and says what is wrong with it.
//
//     node look.mjs REPORT.html EXPECTED.json [PICTURES]
//
// EXPECTED.json has what the page has to show: `numbers` by the ids of its figures, `texts` that it has, `hosts` by rows, `items`
// on the timeline, and `large` for a page that is measured in place of being looked at. PICTURES is a folder for screenshots.
import { readFileSync, writeFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { Chromium } from "./chromium.mjs";

const [file, expectedFile, pictures] = process.argv.slice(2);
const expected = JSON.parse(readFileSync(expectedFile, "utf8"));
const url = pathToFileURL(resolve(file)).href;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const faults = [];
const check = (holds, fault) => holds || faults.push(fault);
const same = (name, found, wanted) => check(JSON.stringify(found) === JSON.stringify(wanted), `${name}: ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);

const LOOKS = [
  { name: "desktop", width: 1280, height: 900 },
  { name: "phone", width: 390, height: 844, phone: true },
  { name: "dark", width: 1280, height: 900, dark: true },
  { name: "dark-phone", width: 390, height: 844, phone: true, dark: true },
];

const READ = `(() => {
  const text = (node) => node.textContent.trim();
  const rows = (selector) => [...document.querySelectorAll(selector)].map((row) => [...row.cells].map(text));
  return {
    ready: document.documentElement.dataset.ready === "yes",
    title: document.title,
    numbers: Object.fromEntries([...document.querySelectorAll("[id^=n-]")].map((node) => [node.id.slice(2), text(node)])),
    hosts: rows("#hosts tbody tr"),
    items: document.querySelectorAll("#chart .item").length,
    listed: document.querySelector("#found")?.textContent,
    body: document.body.textContent,
    wide: document.documentElement.scrollWidth - innerWidth,
    images: document.images.length,
    links: [...document.querySelectorAll("[href^='#']")].filter((link) => !document.getElementById(link.getAttribute("href").slice(1))).map((link) => link.getAttribute("href")),
    stops: [...document.querySelectorAll("#chart [tabindex='0']")].length,
  };
})()`;

async function look(browser, kind) {
  const { name } = kind;
  const page = await browser.page(kind);
  await page.open(url);
  const found = await page.evaluate(READ);
  check(found.ready, `${name}: the page's script did not come to its end`);
  same(`${name}: complaints`, page.complaints, []);
  same(`${name}: what it asks for`, page.requests, [url]);
  for (const [id, value] of Object.entries(expected.numbers)) same(`${name}: ${id}`, found.numbers[id], value);
  same(`${name}: hosts`, found.hosts, expected.hosts);
  same(`${name}: items on the timeline`, found.items, expected.items);
  same(`${name}: links to nowhere`, found.links, []);
  same(`${name}: pictures in the page`, found.images, 0);
  check(found.wide <= 0, `${name}: the page is ${found.wide} pixels too wide`);
  check(found.listed === `${expected.effects} of ${expected.effects}`, `${name}: the list has ${found.listed}, not ${expected.effects}`);
  for (const text of expected.texts) check(found.body.includes(text), `${name}: the page does not say ${JSON.stringify(text)}`);
  same(`${name}: places at which the Tab key stops in the timeline`, found.stops, 1);

  await page.evaluate(axe);
  const { violations } = await page.evaluate("axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => ({ violations: violations.map((one) => [one.id, one.help, one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200) + ' ' + (node.any[0]?.message || ''))]) }))");
  same(`${name}: what axe finds`, violations, []);
  if (pictures) writeFileSync(join(pictures, `${basename(file, ".html")}-${name}.png`), await page.picture());
  if (name === "desktop") await keyboard(page);
  await page.close();
}

async function keyboard(page) {
  const details = () => page.evaluate("document.querySelector('#details').textContent");
  const focused = () => page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.id || document.activeElement.tagName");
  await page.evaluate("document.getElementById('reads').focus()");
  await page.key("Tab");
  const first = await focused();
  check((await page.evaluate("document.activeElement.classList.contains('item')")) === true, `the Tab key leads to ${first}, not to the timeline`);
  await page.key("End");
  const last = await details();
  await page.key("Home");
  check((await details()) !== last, "the Home and End keys do not move in the timeline");
  await page.key("ArrowRight");
  const [at, of] = await page.evaluate("[document.querySelector('#chart .chosen')?.getAttribute('aria-label'), document.activeElement.getAttribute('aria-label')]");
  check(at && at === of, `what has the focus (${of}) is not what is chosen (${at})`);
  const before = await page.evaluate("document.querySelector('#chart svg').clientWidth");
  await page.key("+", "+");
  check((await page.evaluate("document.querySelector('#chart svg').clientWidth")) > before, "the + key does not zoom");
  check((await page.evaluate("document.activeElement.classList.contains('item')")) === true, "zooming loses the focus");
  await page.evaluate("(() => { const search = document.getElementById('search'); search.value = 'no such thing'; search.dispatchEvent(new Event('input')); })()");
  same("what a search for nothing finds", await page.evaluate("document.getElementById('found').textContent"), "0 of 0");
  const { data } = await page.send("Page.printToPDF", {});
  check(Buffer.from(data, "base64").subarray(0, 5).toString() === "%PDF-", "the page can't be printed");
  if (pictures) writeFileSync(join(pictures, `${basename(file, ".html")}.pdf`), Buffer.from(data, "base64"));
}

// A large page is there within two seconds, and answers a key and a search well within another.
async function measure(browser) {
  check(statSync(file).size < 5 * 1024 * 1024, `the page has ${statSync(file).size} bytes`);
  const page = await browser.page(LOOKS[0]);
  const began = await page.seconds();
  await page.open(url);
  const found = await page.evaluate(READ);
  const there = (await page.seconds()) - began;
  check(found.ready && there < 2, `the page is there after ${there.toFixed(2)} s`);
  await page.evaluate("document.querySelector('#chart .item[tabindex=\"0\"]').focus()");
  await page.key("ArrowRight");
  await page.evaluate("(() => { const search = document.getElementById('search'); search.value = 'file-7'; search.dispatchEvent(new Event('input')); })()");
  await page.picture(false);
  const answered = (await page.seconds()) - began - there;
  check(answered < 1, `a key and a search take ${answered.toFixed(2)} s`);
  same("complaints", page.complaints, []);
  for (const [id, value] of Object.entries(expected.numbers)) same(id, found.numbers[id], value);
  console.log(`large: ${statSync(file).size} bytes, there after ${there.toFixed(2)} s, a key and a search ${answered.toFixed(2)} s of processor time`);
}

const browser = await Chromium.start();
try {
  if (expected.large) await measure(browser);
  else for (const kind of LOOKS) await look(browser, kind);
} finally {
  await browser.end();
}
if (faults.length) {
  console.error(faults.join("\n"));
  process.exit(1);
}
