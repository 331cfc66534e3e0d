"use strict";
// Draws the timeline of a run and lists what was done, from the data in the page. It asks nobody for anything, and puts what it
// shows in as text, never as HTML.
(() => {
  const run = JSON.parse(document.getElementById("run-data").textContent);
  const chart = document.getElementById("chart");
  const SVG = "http://www.w3.org/2000/svg";
  const OUTCOMES = ["ok", "changed", "would change", "would run", "failed", "unreachable", "interrupted", "not begun", "did not end"];
  const KINDS = ["read", "change", "action"];
  const text = (index) => (index < 0 ? "" : run.texts[index]);

  // An effect as the page's data has it: a row of numbers.
  const effects = run.effects.map((row) => {
    const [id, host, step, name, summary, told, kind, outcome, at, ms, message, diff, place, tried, seen] = row;
    return { id, host, step, name: text(name), summary: text(summary), told: text(told), kind, outcome, at, ms, message: text(message), diff, place: text(place), tried, seen: text(seen) };
  });
  const isWait = (effect) => effect.kind === 2 && effect.name.startsWith("wait");
  const isBad = (effect) => (effect.outcome === 4 || effect.outcome === 5) && !effect.tried;
  const hostName = (host) => (host < 0 ? "all hosts" : run.hosts[host]);

  const pad = (number) => String(number).padStart(2, "0");
  // The time of day at a moment of the timeline, by the clock that the rest of the page has.
  function clock(at) {
    let own = run.attempts[0];
    for (const attempt of run.attempts) if (attempt[0] <= at) own = attempt;
    const time = new Date(own[2] + (at - own[0]) + run.zone * 1000);
    return `${pad(time.getUTCHours())}:${pad(time.getUTCMinutes())}:${pad(time.getUTCSeconds())}`;
  }
  function span(ms) {
    const seconds = Math.floor(ms / 1000);
    if (seconds < 60) return `${(Math.floor((ms + 50) / 100) / 10).toString()} s`;
    if (seconds < 3600) return seconds % 60 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s` : `${seconds / 60} min`;
    return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  }

  const element = (name, attributes, content) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
    if (content !== undefined) made.textContent = content;
    return made;
  };
  const shape = (name, attributes, content) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (content !== undefined) made.textContent = content;
    return made;
  };

  // ---- The timeline -------------------------------------------------------------------------------------------------------

  const AXIS = 24, STEP = 22, GAP = 18, LEADER = 20, COUNT = 34, LANE = 34, MOST_ITEMS = 4000;
  const total = Math.max(run.total, 1);
  const waitsForAll = effects.some((effect) => effect.host < 0);
  const lanes = [...run.hosts.keys(), ...(waitsForAll ? [-1] : [])];
  const owners = new WeakMap();
  let zoom = 1, chosen = null, marked = null, items = [];

  // What gets a shape of its own: not the reads, of which there are many and little to tell, unless they failed.
  const own = effects.filter((effect) => effect.kind !== 0 || isBad(effect));
  const shown = own.length <= MOST_ITEMS ? own : own.filter((effect) => isBad(effect) || effect.outcome === 1).slice(0, MOST_ITEMS);

  function draw() {
    const names = element("div", { class: "names", "aria-hidden": "true" });
    const rows = [];
    let y = AXIS;
    const row = (name, height) => {
      rows.push([name, height]);
      const top = y;
      y += height;
      return top;
    };
    const steps = row("steps", STEP);
    const watched = run.groups.length > 0;
    const gap = run.groups.some((group) => group.gaps.length) ? row("no quorum", GAP) : 0;
    const leader = watched ? row("leader", LEADER) : 0;
    const count = watched ? row("serving", COUNT) : 0;
    const tops = new Map(lanes.map((host) => [host, row(hostName(host), LANE)]));
    const height = y + 4;
    names.append(sized("", AXIS), ...rows.map(([name, size]) => sized(name, size)));

    const plot = element("div", { class: "plot" });
    chart.replaceChildren(names, plot);
    const width = Math.max(200, Math.floor(plot.clientWidth * zoom));
    const x = (at) => Math.round((at / total) * (width - 8) * 100) / 100 + 4;
    const long = (ms, least) => Math.max(least, Math.round((ms / total) * (width - 8) * 100) / 100);
    const svg = shape("svg", { width, height, role: "group", "aria-label": "Timeline of the run", "aria-describedby": "timeline-hint" });

    lanes.forEach((host, index) => {
      if (index % 2 === 0) svg.append(shape("rect", { class: "band", x: 0, y: tops.get(host), width, height: LANE }));
    });
    ticks(svg, x, width, height);
    for (const attempt of run.attempts.slice(1)) {
      svg.append(shape("line", { class: "break", x1: x(attempt[0]), x2: x(attempt[0]), y1: 0, y2: height }));
    }
    for (const [name, number, at, ms] of run.steps) {
      const size = long(ms, 2);
      const title = shape("title", {}, `${number}. ${text(name)}, ${span(ms)}`);
      const box = shape("rect", { class: "step", x: x(at), y: steps + 2, width: size, height: STEP - 4 });
      box.append(title);
      svg.append(box);
      if (size > 16) svg.append(label(x(at) + 4, steps + 15, `${number}. ${text(name)}`, size - 6, "in"));
    }
    run.groups.forEach((group) => ensemble(svg, group, { x, long, gap, leader, count, tops, height }));
    if (document.getElementById("reads").checked) reads(svg, x, tops);
    items = [];
    // What waits lies below what is done meanwhile.
    for (const effect of [...shown].sort((one, other) => isWait(other) - isWait(one))) item(svg, effect, x, long, tops);
    items.sort((one, other) => one.effect.at - other.effect.at || one.effect.id - other.effect.id);
    marked = null;
    const start = items.find((one) => one.effect === chosen) || items[0];
    if (start) mark(start);
    plot.append(svg);
  }

  function sized(name, height) {
    const cell = element("div", { title: name }, name);
    cell.style.height = `${height}px`;
    return cell;
  }

  function label(x, y, content, room, kind) {
    const letters = Math.floor(room / 6);
    const shown = content.length <= letters ? content : letters > 3 ? `${content.slice(0, letters - 1)}…` : content.split(".")[0].slice(0, letters);
    return shape("text", { class: kind, x, y, "aria-hidden": "true" }, shown);
  }

  function ticks(svg, x, width, height) {
    const wanted = Math.max(2, Math.floor(width / 110));
    const sizes = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200].map((seconds) => seconds * 1000);
    const size = sizes.find((one) => total / one <= wanted) || 86400000;
    for (let at = 0; at <= total; at += size) {
      svg.append(shape("line", { class: "rule", x1: x(at), x2: x(at), y1: AXIS - 6, y2: height }));
      if (width - x(at) > 55) svg.append(shape("text", { x: x(at) + 2, y: 12, "aria-hidden": "true" }, clock(at)));
    }
  }

  // A group of servers over time: who leads, how many serve, and when there was no quorum.
  function ensemble(svg, group, { x, long, gap, leader, count, tops, height }) {
    const most = Math.max(group.size, 1);
    const unit = (COUNT - 8) / most;
    let led = null;
    group.members.forEach(([at, leads, serving, , spare], index) => {
      const until = index + 1 < group.members.length ? group.members[index + 1][0] : group.until;
      const size = long(until - at, 0.5);
      const high = serving.length * unit;
      const bar = shape("rect", { class: "count", x: x(at), y: count + COUNT - 4 - high, width: size, height: high });
      bar.append(shape("title", {}, `${clock(at)}: ${serving.length} of ${most} serve, spare ${spare}`));
      svg.append(bar);
      for (const host of serving) {
        if (!tops.has(host)) continue;
        const thick = host === leads ? 5 : 2;
        svg.append(shape("rect", { class: host === leads ? "leads" : "serves", x: x(at), y: tops.get(host) + LANE - thick - 1, width: size, height: thick }));
      }
      if (led && (leads !== led[1] || led[2] !== at)) {
        lead(led);
        led = null;
      }
      if (leads >= 0) led = led ? [led[0], leads, until] : [at, leads, until];
    });
    if (led) lead(led);
    function lead([at, host, until]) {
      const size = long(until - at, 1);
      const bar = shape("rect", { class: "leads", x: x(at), y: leader + 3, width: size, height: 4 });
      bar.append(shape("title", {}, `${hostName(host)} leads from ${clock(at)} for ${span(until - at)}`));
      svg.append(bar);
      if (size > 40) svg.append(label(x(at) + 2, leader + 17, hostName(host), size - 4, "in"));
    }
    const majority = count + COUNT - 4 - (Math.floor(most / 2) + 1) * unit;
    const [from, to] = [group.members.length ? group.members[0][0] : group.until, group.until];
    svg.append(shape("line", { class: "majority", x1: x(from), x2: x(to), y1: majority, y2: majority }));
    for (const [at, ms, name] of group.gaps) {
      const size = long(ms, 2);
      const band = shape("rect", { class: "gap", x: x(at), y: gap, width: size, height: height - gap });
      const top = shape("rect", { class: "gap-mark", x: x(at), y: gap, width: size, height: 3 });
      top.append(shape("title", {}, `no quorum from ${clock(at)} for ${name}`));
      svg.append(band, top, shape("text", { class: "gap-text", x: x(at) + size + 3, y: gap + 13, "aria-hidden": "true" }, name));
    }
  }

  // All reads of a lane are one line of small strokes.
  function reads(svg, x, tops) {
    const strokes = new Map();
    for (const effect of effects) {
      if (effect.kind !== 0 || !tops.has(effect.host)) continue;
      const at = Math.round(x(effect.at));
      if (!strokes.has(effect.host)) strokes.set(effect.host, new Set());
      strokes.get(effect.host).add(at);
    }
    for (const [host, places] of strokes) {
      const top = tops.get(host) + 2;
      const d = [...places].map((at) => `M${at + 0.5} ${top}v4`).join("");
      svg.append(shape("path", { class: "reads", d }));
    }
  }

  function item(svg, effect, x, long, tops) {
    const kind = isBad(effect) ? "bad" : isWait(effect) ? "wait" : KINDS[effect.kind];
    const more = effect.outcome === 8 ? " open" : effect.outcome === 2 || effect.outcome === 3 ? " would" : "";
    const [y, height] = isWait(effect) ? [12, 10] : [8, 18];
    const node = shape("rect", {
      class: `item ${kind}${more}`, x: x(effect.at), y: tops.get(effect.host) + y, width: long(effect.ms, 3), height, rx: 1,
      role: "button", tabindex: "-1", "aria-label": `${clock(effect.at)}, ${hostName(effect.host)}: ${effect.name} ${shortened(effect.summary)}, ${OUTCOMES[effect.outcome]}`,
    });
    const one = { effect, node };
    owners.set(node, one);
    items.push(one);
    svg.append(node);
  }

  const shortened = (content) => (content.length > 120 ? `${content.slice(0, 119)}…` : content);

  // The one item at which the Tab key stops, chosen or not.
  function mark(one) {
    if (marked) {
      marked.node.classList.remove("chosen");
      marked.node.setAttribute("tabindex", "-1");
    }
    marked = one;
    one.node.classList.toggle("chosen", one.effect === chosen);
    one.node.setAttribute("tabindex", "0");
  }

  function choose(one, focuses) {
    if (chosen === one.effect) return;
    chosen = one.effect;
    mark(one);
    details(one.effect);
    if (focuses) one.node.focus();
  }

  function details(effect) {
    const box = document.getElementById("details");
    const list = element("dl");
    const fact = (name, content) => {
      if (content === "" || content === undefined) return;
      const line = element("div");
      line.append(element("dt", {}, name), element("dd", {}, content));
      list.append(line);
    };
    fact("host", hostName(effect.host));
    fact("when", `${clock(effect.at)}, for ${span(effect.ms)}`);
    fact("outcome", OUTCOMES[effect.outcome]);
    fact("step", effect.step < 0 ? "" : text(effect.step));
    fact(isWait(effect) ? "ended by" : "did", effect.told);
    fact("saw last", effect.seen);
    fact("why", effect.message);
    fact("called at", effect.place);
    box.replaceChildren(element("p", { class: "title" }, `${effect.name} ${effect.summary}`), list);
    if (effect.diff >= 0 && document.getElementById(`diff-${effect.diff}`)) {
      const line = element("p");
      line.append(element("a", { href: `#diff-${effect.diff}` }, "the difference"));
      box.append(line);
    }
  }

  // The arrow keys go along a lane, and to the nearest item of the next.
  function walk(key) {
    const at = items.findIndex((one) => one.effect === chosen);
    const here = items[at] || items[0];
    if (!here) return null;
    if (key === "Home") return items[0];
    if (key === "End") return items[items.length - 1];
    if (key === "ArrowRight" || key === "ArrowLeft") {
      const lane = items.filter((one) => one.effect.host === here.effect.host);
      return lane[lane.indexOf(here) + (key === "ArrowRight" ? 1 : -1)] || here;
    }
    const direction = key === "ArrowDown" ? 1 : -1;
    for (let index = lanes.indexOf(here.effect.host) + direction; index >= 0 && index < lanes.length; index += direction) {
      const lane = items.filter((one) => one.effect.host === lanes[index]);
      const far = (one) => Math.abs(one.effect.at - here.effect.at);
      if (lane.length) return lane.reduce((best, one) => (far(one) < far(best) ? one : best));
    }
    return here;
  }

  function zoomTo(factor) {
    const plot = chart.querySelector(".plot");
    const middle = plot ? (plot.scrollLeft + plot.clientWidth / 2) / plot.scrollWidth : 0.5;
    const focused = chart.contains(document.activeElement);
    zoom = Math.min(64, Math.max(1, factor));
    draw();
    const now = chart.querySelector(".plot");
    now.scrollLeft = middle * now.scrollWidth - now.clientWidth / 2;
    if (focused) chart.querySelector(".item[tabindex='0']")?.focus();
  }

  if (chart) {
    // On the drawing itself a listener for the focus would make that a place at which the Tab key stops.
    const at = (event) => owners.get(event.target);
    chart.addEventListener("click", (event) => at(event) && choose(at(event), true));
    chart.addEventListener("focusin", (event) => at(event) && choose(at(event), false));
    chart.addEventListener("mouseover", (event) => at(event) && details(at(event).effect));
    chart.addEventListener("mouseout", (event) => at(event) && chosen && details(chosen));
    chart.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) {
        const next = walk(event.key);
        if (next) choose(next, true);
        event.preventDefault();
      } else if (event.key === "+" || event.key === "=") zoomTo(zoom * 2);
      else if (event.key === "-") zoomTo(zoom / 2);
      else if (event.key === "0") zoomTo(1);
    });
    document.getElementById("zoom-in").addEventListener("click", () => zoomTo(zoom * 2));
    document.getElementById("zoom-out").addEventListener("click", () => zoomTo(zoom / 2));
    document.getElementById("zoom-all").addEventListener("click", () => zoomTo(1));
    document.getElementById("reads").addEventListener("change", draw);
    let seen = chart.clientWidth;
    new ResizeObserver(() => {
      if (chart.clientWidth !== seen) {
        seen = chart.clientWidth;
        draw();
      }
    }).observe(chart);
    addEventListener("beforeprint", () => zoomTo(1));
    draw();
  }

  // ---- The list -----------------------------------------------------------------------------------------------------------

  const PAGE = 200;
  const search = document.getElementById("search");
  if (search) {
    const body = document.querySelector("#all tbody");
    const more = document.getElementById("more");
    const words = effects.map((effect) => [hostName(effect.host), effect.name, effect.summary, effect.told, OUTCOMES[effect.outcome], text(effect.step), effect.message].join(" ").toLowerCase());
    let fitting = [], listed = 0;
    const line = (effect) => {
      const row = element("tr");
      const what = element("td", { class: "text" });
      what.append(element("span", { class: "fn" }, effect.name), ` ${effect.told || effect.summary}`);
      const outcome = element("td", { class: isBad(effect) ? "bad" : "" }, OUTCOMES[effect.outcome]);
      row.append(element("td", {}, clock(effect.at)), element("td", {}, hostName(effect.host)), what, outcome, element("td", {}, span(effect.ms)));
      return row;
    };
    const list = () => {
      const next = fitting.slice(listed, listed + PAGE);
      body.append(...next.map(line));
      listed += next.length;
      more.hidden = listed >= fitting.length;
      document.getElementById("found").textContent = `${listed} of ${fitting.length}`;
    };
    const find = () => {
      const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      fitting = effects.filter((_, index) => wanted.every((word) => words[index].includes(word)));
      listed = 0;
      body.replaceChildren();
      list();
    };
    search.addEventListener("input", find);
    more.addEventListener("click", list);
    find();
  }
  document.documentElement.dataset.ready = "yes";
})();
