// Pods of each ReplicaSet over time, stacked between the two limits; below, on the same axis, who answered users.
const LEFT = 44, RIGHT = 194, TOP = 8, HIGH = 176, LANE = 19, SIZE = 3.6;

// A ReplicaSet's look: a colour and a shape, the same in the picture, the table and the answers.
const COLOURS = ["--kl-a", "--kl-b", "--kl-c", "--kl-d", "--kl-e"];
const SHAPES = [
  (r) => `M${-r},0 a${r},${r} 0 1 0 ${2 * r},0 a${r},${r} 0 1 0 ${-2 * r},0`,
  (r) => `M${-r},${-r} h${2 * r} v${2 * r} h${-2 * r} z`,
  (r) => `M0,${-1.2 * r} L${1.2 * r},${r} L${-1.2 * r},${r} z`,
  (r) => `M0,${-1.35 * r} L${1.35 * r},0 L0,${1.35 * r} L${-1.35 * r},0 z`,
  (r) => `M0,${1.2 * r} L${1.2 * r},${-r} L${-1.2 * r},${-r} z`,
];
const CROSS = (r) => `M${-r},${-r} L${r},${r} M${r},${-r} L${-r},${r}`;
const colour = (look) => (look == null ? "var(--kl-ink)" : `var(${COLOURS[look % COLOURS.length]})`);
const shape = (look) => SHAPES[(look || 0) % SHAPES.length](SIZE);

function Sign({ look, failed, x = 0, y = 0 }) {
  const place = `translate(${x},${y})`;
  if (failed) return html`<path transform=${place} d=${CROSS(SIZE)} stroke="var(--kl-bad)" stroke-width="2.4" fill="none" />`;
  // without a ReplicaSet that it must be of, an answer is an outline only
  return look == null
    ? html`<path transform=${place} d=${SHAPES[0](SIZE)} stroke="var(--kl-ink)" stroke-width="1.5" fill="none" />`
    : html`<path transform=${place} d=${shape(look)} fill=${colour(look)} />`;
}
const Swatch = ({ children }) => html`<svg class="kr-swatch" width="26" height="14" aria-hidden="true">${children}</svg>`;

function useWidth() {
  const ref = useRef(null);
  const [width, setWidth] = useState(960);
  useEffect(() => {
    const measure = () => ref.current && ref.current.clientWidth && setWidth(Math.max(480, Math.min(960, ref.current.clientWidth)));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

const niceStep = (range, pieces) => [1, 2, 5, 10, 20, 25, 50, 100, 200, 500].find((step) => range / step <= pieces) || 1000;
const cutTo = (text, pixels) => cutMiddle(text, Math.max(4, Math.floor(pixels / 6.6))); // 6.6 pixels a letter

// What nothing may be written across: time that was left out, and time of which the pods are not known.
const unseen = ({ unseen, known, now }) => (known == null || known >= now ? unseen : [...unseen, [known, now]]);
const broken = (picture, x) => [
  ...picture.gaps.map(([t]) => [x(t) - 3, x(t) + 3]), ...unseen(picture).map(([a, b]) => [x(a), x(b)]),
].sort((a, b) => a[0] - b[0]);

// The parts of a stretch that no hole covers.
function between(from, to, holes) {
  const parts = [];
  for (const [a, b] of holes) {
    if (b <= from || a >= to) continue;
    if (a > from) parts.push([from, a]);
    from = Math.max(from, b);
  }
  return from < to ? [...parts, [from, to]] : parts;
}

// The stack at one moment, from below: available pods, newest ReplicaSet first; above them, those that are not yet.
function layers(counts) {
  let at = 0;
  const solid = counts.map(([, , available]) => [at, (at += available)]);
  return { solid, available: at, open: counts.map(([has, , available]) => [at, (at += has - available)]) };
}

function Pods({ picture, x, y, right, id }) {
  const { sets, steps, now, limits } = picture;
  const [from] = picture.span;
  const known = Math.max(from, picture.known ?? now);
  const pieces = steps.map(([t, fewest, most, counts], i) => ({
    x0: x(Math.max(t, from)), x1: x(Math.max(from, i + 1 < steps.length ? steps[i + 1][0] : known)), fewest, most, ...layers(counts),
  }));
  const area = (kind, i) => pieces.filter((p) => p[kind][i][1] > p[kind][i][0])
    .map((p) => `M${p.x0},${y(p[kind][i][0])} H${p.x1} V${y(p[kind][i][1])} H${p.x0} z`).join("");
  const edge = (i) => pieces.filter((p) => p.open[i][1] > p.open[i][0]).map((p) => `M${p.x0},${y(p.open[i][1])} H${p.x1}`).join("");
  // A number that holds for an instant is a thin stroke: a thick one would look like something that stays.
  const flats = pieces.filter((p) => p.x1 > p.x0).map((p) => `M${p.x0},${y(p.available)} H${p.x1}`).join("");
  const line = (value) => pieces.filter((p) => p.x1 > p.x0).map((p, i) => `${i ? "L" : "M"}${p.x0},${y(value(p))} H${p.x1}`).join("");
  // a limit goes on to the right edge; at first there is no piece of any width, and the limit begins where the pods do
  const limit = (value) => {
    const last = pieces[pieces.length - 1];
    return last ? `${line(value) || `M${last.x0},${y(value(last))}`} H${right}` : "";
  };
  // each ReplicaSet's name where it has most room, among its available pods if there is any
  const whole = pieces.flatMap((p) => between(p.x0, p.x1, broken(picture, x)).map(([x0, x1]) => ({ ...p, x0, x1 })));
  const roomiest = (kind, i) => {
    let best = null, run = null;
    for (const p of whole) {
      const [low, high] = p[kind][i];
      run = run && run.x1 === p.x0 && run.low === low && run.high === high ? { ...run, x1: p.x1 } : { low, high, x0: p.x0, x1: p.x1 };
      const width = run.x1 - run.x0, height = y(low) - y(high);
      if (height >= 13 && width > 44 && (!best || width * height > best.room)) best = { ...run, width, room: width * height };
    }
    return best;
  };
  const names = sets.map((set, i) => {
    const best = roomiest("solid", i) || roomiest("open", i);
    const number = `${set.revision}${set.was ? ` (was ${set.was})` : ""}`, full = `revision ${number}: ${set.image}`;
    const text = [full, `rev. ${number}`].find((one) => one === cutTo(one, best ? best.width - 8 : 0));
    return best && { ...best, key: set.id, text: text || (best.width > 150 ? cutTo(full, best.width - 8) : `rev. ${set.revision}`) };
  }).filter(Boolean);
  // what the two limits say, apart enough to be read
  const mostAt = Math.min(y(limits.most), TOP + HIGH - 54), fewestAt = Math.min(Math.max(y(limits.fewest), mostAt + 34), TOP + HIGH - 20);
  return html`<g>
    <defs>${sets.map((set) => html`<pattern key=${set.id} id=${`${id}-${set.look}`} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
      <rect width="2" height="6" fill=${colour(set.look)} /></pattern>`)}</defs>
    ${sets.map((set, i) => html`<g key=${set.id}>
      <path d=${area("solid", i)} fill=${colour(set.look)} fill-opacity="0.42" />
      <path d=${area("open", i)} fill=${`url(#${id}-${set.look})`} /><path d=${edge(i)} stroke=${colour(set.look)} stroke-width="1" /></g>`)}
    <path class="kr-line kr-step" d=${line((p) => p.available)} /><path class="kr-line" d=${flats} />
    ${limits.recreate ? null : html`<path class="kr-limit" d=${limit((p) => p.fewest)} stroke-dasharray="2 3" />`}
    <path class="kr-limit" d=${limit((p) => p.most)} stroke-dasharray="9 4" />
    ${names.map((name) => html`<text key=${name.key} class="kr-in" x=${(name.x0 + name.x1) / 2} y=${(y(name.low) + y(name.high)) / 2 + 4} text-anchor="middle">${name.text}</text>`)}
    <g transform=${`translate(${right + 6},0)`}>
      <text y=${mostAt + 4}>at most ${many(limits.most, "pod")}</text><text y=${mostAt + 18} class="kl-faint">${limits.most_why}</text>
      ${limits.recreate ? html`<text y=${mostAt + 40} class="kl-faint">all old pods end first</text>` : html`<text y=${fewestAt + 4}>at least ${limits.fewest} available</text><text y=${fewestAt + 18} class="kl-faint">${limits.fewest_why}</text>`}
    </g></g>`;
}

function Answers({ picture, x, top, right }) {
  return html`<g transform=${`translate(0,${top})`}>
    ${picture.lanes.map((lane, i) => html`<g key=${lane.text + lane.failed} transform=${`translate(0,${i * LANE})`}>
      <line class="kr-grid" x1=${LEFT} x2=${right} />
      <${Sign} look=${lane.look} failed=${lane.failed} x=${right + 12} />
      <text x=${right + 22} y="4" class=${lane.failed ? "kl-bad" : ""}><title>${lane.text}</title>${lane.count ? `${lane.count} ×` : "before:"} ${lane.failed ? cut(lane.text, 20) : "“" + cut(lane.text, 17) + "”"}</text></g>`)}
    ${picture.dots.map(([t, row]) => html`<${Sign} key=${row + "-" + t} look=${picture.lanes[row].look} failed=${picture.lanes[row].failed} x=${x(t)} y=${row * LANE} />`)}
    ${picture.lanes.length ? null : html`<text x=${LEFT} y="4" class="kl-faint">no answers yet</text>`}</g>`;
}

// Seconds since the change. Behind a gap they jump by what was left out.
function ticksOf(picture, x) {
  const [from, to] = picture.span, zero = picture.start == null ? from : picture.start, step = niceStep(to - from, 10);
  const edges = [from, ...picture.gaps.map(([t]) => t), to];
  const ticks = [];
  edges.slice(1).forEach((end, i) => {
    const begin = edges[i];
    const leftOut = picture.gaps.slice(0, i).filter(([t]) => t >= zero).reduce((sum, [, seconds]) => sum + seconds, 0);
    for (let n = Math.ceil((begin - zero + leftOut) / step); ; n++) {
      const t = n * step - leftOut + zero;
      if (t > end + 0.001) break;
      if (i && x(t) - x(begin) < 16) continue; // too near to the gap to be read
      ticks.push([x(t), n * step]);
    }
  });
  return ticks;
}

function Axis({ picture, x, bottom, right }) {
  const [, to] = picture.span, { start, now, deleted } = picture;
  return html`<g>
    ${ticksOf(picture, x).map(([at, seconds]) => html`<g key=${seconds}><line class="kr-grid" x1=${at} x2=${at} y1=${TOP} y2=${bottom} />
      <text class="kl-faint" x=${at} y=${bottom + 15} text-anchor="middle">${seconds} s</text></g>`)}
    ${start == null ? null : html`<${Moment} at=${x(start)} bottom=${bottom} word=${picture.sets.some((set) => set.current && set.was) ? "change back" : "change"} />`}
    ${deleted == null ? null : html`<${Moment} at=${x(deleted)} bottom=${bottom} word="Deployment deleted" />`}
    ${picture.still || to - now < 0.05 ? null : html`<${Moment} at=${x(now)} bottom=${bottom} word="now" />`}
    <text class="kl-faint" x=${right + 20} y=${bottom + 15}>${!picture.still ? "seconds →" : picture.mark === "good" ? "‖ finished" : "‖ nothing changes"}</text></g>`;
}

const Moment = ({ at, bottom, word }) => html`<g><line class="kr-start" x1=${at} x2=${at} y1=${TOP} y2=${bottom} /><text class="kl-faint" x=${at + 3} y=${TOP + 9}>${word}</text></g>`;

// Where time was left out; the words go to the side where the change is not.
function Gaps({ picture, x, bottom }) {
  const change = picture.start == null ? Infinity : x(picture.start);
  return html`<g>${picture.gaps.map(([t, seconds]) => {
    const isLeft = change > x(t) && change < x(t) + 100;
    return html`<g key=${t} transform=${`translate(${x(t)},0)`}><rect class="kr-gap" x="-3" y=${TOP} width="6" height=${bottom - TOP} />
      <path class="kr-slashes" d=${`M-6,${bottom + 4} l5,-8 M1,${bottom + 4} l5,-8`} />
      <text class="kl-faint" x=${isLeft ? -6 : 6} y=${TOP + 9} text-anchor=${isLeft ? "end" : "start"}>${seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`} left out</text></g>`;
  })}</g>`;
}

// Time of which something is not known: the pods, while no API server answered; the answers, while nobody was asked.
function Unknown({ picture, x, top, bottom }) {
  const shade = (spans, kind, from, to) => spans.map(([a, b]) => html`<rect key=${kind + a} class=${"kr-" + kind} x=${x(a)} width=${Math.max(1, x(b) - x(a))} y=${from} height=${to - from} />`);
  return html`<g>${shade(unseen(picture), "unseen", TOP + 12, TOP + HIGH)}${picture.url ? shade(picture.unasked, "unasked", top - 8, bottom) : null}</g>`;
}

function Chart({ picture, width, id }) {
  const right = width - RIGHT, [from, to] = picture.span;
  const x = (t) => Math.round((LEFT + ((t - from) / (to - from)) * (right - LEFT)) * 10) / 10;
  const highest = Math.max(1, ...picture.steps.map(([, , most, counts]) => Math.max(most, counts.reduce((sum, c) => sum + c[0], 0))));
  const y = (pods) => TOP + 12 + Math.round((1 - pods / (highest * 1.02)) * (HIGH - 12) * 10) / 10;
  const step = niceStep(highest, 8);
  const top = TOP + HIGH + 30;
  const bottom = picture.url ? top + Math.max(1, picture.lanes.length) * LANE - 8 : TOP + HIGH;
  const levels = Array.from({ length: Math.floor(highest / step) + 1 }, (_, i) => i * step);
  return html`<svg width=${width} height=${bottom + 22} role="img" aria-label=${`Pods over time. ${picture.summary}`}>
    <${Axis} picture=${picture} x=${x} bottom=${bottom} right=${right} />
    ${levels.map((n) => html`<g key=${n}><line class="kr-grid" x1=${LEFT} x2=${right} y1=${y(n)} y2=${y(n)} /><text class="kl-faint" x=${LEFT - 6} y=${y(n) + 4} text-anchor="end">${n}</text></g>`)}
    <text class="kl-faint" transform=${`translate(10,${TOP + HIGH / 2}) rotate(-90)`} text-anchor="middle">pods</text>
    <${Pods} picture=${picture} x=${x} y=${y} right=${right} id=${id} />
    <${Gaps} picture=${picture} x=${x} bottom=${bottom} />
    <${Unknown} picture=${picture} x=${x} top=${top} bottom=${bottom} />
    ${picture.url ? html`<text class="kl-faint" x="2" y=${top - 14}>What users were answered${width > 640 ? ", up to ten requests a second" : ""}:</text>
      <text class="kl-faint" x=${right + 6} y=${top - 14}>since ${picture.since}:</text><${Answers} picture=${picture} x=${x} top=${top} right=${right} />` : null}
  </svg>`;
}

// Words between backticks are set as code.
const Words = ({ text }) => text.split("`").map((part, i) => (i % 2 ? html`<code key=${i}>${part}</code>` : part));

// Only what is in the picture.
function Legend({ picture }) {
  const has = (test) => picture.steps.some(([, , , counts]) => counts.some(test));
  return html`<p class="kr-legend kl-faint">
  ${has(([, , available]) => available) ? html`<span><${Swatch}><rect width="13" height="14" fill="var(--kl-a)" fill-opacity="0.42" /><rect x="13" width="13" height="14" fill="var(--kl-b)" fill-opacity="0.42" /></${Swatch}> available pods, a colour for each ReplicaSet</span>` : null}
  ${has(([pods, , available]) => pods > available) ? html`<span><${Swatch}><path d="M0,12 L9,0 M4,14 L13,2" stroke="var(--kl-a)" stroke-width="2" /><path d="M14,12 L23,0 M18,14 L26,3" stroke="var(--kl-b)" stroke-width="2" /></${Swatch}> not yet available</span>` : null}
  <span><${Swatch}><path class="kr-line" d="M0,7 h26" /></${Swatch}> all available pods</span>
  <span><${Swatch}><path class="kr-limit" d="M0,7 h26" stroke-dasharray="9 4" /></${Swatch}> most pods there may be</span>
  ${picture.limits.recreate ? null : html`<span><${Swatch}><path class="kr-limit" d="M0,7 h26" stroke-dasharray="2 3" /></${Swatch}> fewest that must be available</span>`}
  ${picture.failed ? html`<span><${Swatch}><${Sign} failed=${true} x=${13} y=${7} /></${Swatch}> a request that failed</span>` : null}
  ${unseen(picture).length ? html`<span><${Swatch}><rect class="kr-unseen" width="26" height="14" /></${Swatch}> no API server answered: the pods are not known</span>` : null}
  ${picture.url && picture.unasked.length ? html`<span><${Swatch}><rect class="kr-unasked" width="26" height="14" /></${Swatch}> nobody was asked</span>` : null}
  ${picture.gaps.length ? html`<span><${Swatch}><path class="kr-slashes" d="M8,12 l5,-8 M14,12 l5,-8" /></${Swatch}> time in which nothing changed is left out</span>` : null}
</p>`;
}

const Seen = ({ number, verdict }) => html`<td>${number == null ? "limit not reached yet" : html`${number} <span class=${verdict ? "kl-wait" : "kl-good"}>${verdict ? `${MARKS.wait} ${verdict}` : MARKS.done + " limit kept"}</span>`}</td>`;

function Sets({ picture }) {
  return html`<div class="kr-below">
    <table><thead><tr><th scope="col">revision</th><th scope="col">ReplicaSet</th><th scope="col">image</th><th scope="col">wanted</th><th scope="col">pods</th><th scope="col">ready</th></tr></thead>
    <tbody>${picture.sets.map((set) => html`<tr key=${set.id}>
      <td><svg class="kr-swatch" width="14" height="14" aria-hidden="true"><${Sign} look=${set.look} x=${7} y=${7} /></svg> ${set.revision}${set.current ? " (now)" : ""}${set.was ? html`<span class="kl-faint">, was ${set.was}</span>` : null}</td>
      <td>${set.name}</td><td>${set.image}</td><td>${set.wants}</td><td>${set.has}${set.ending ? ` + ${set.ending} ending` : ""}</td><td>${set.ready}</td></tr>`)}</tbody></table>
    <table><tbody>
      <tr><th scope="row">most pods since ${picture.since}</th><${Seen} number=${picture.high} verdict=${picture.high_verdict} /></tr>
      ${picture.limits.recreate ? null : html`<tr><th scope="row">fewest available since ${picture.since}</th><${Seen} number=${picture.low} verdict=${picture.low_verdict} /></tr>`}
      ${picture.url ? html`<tr><th scope="row">failed requests since ${picture.since}</th><td>${picture.failed} of ${picture.asked} <span class=${picture.failed ? "kl-bad" : "kl-good"}>${picture.failed ? MARKS.bad : MARKS.done}</span></td></tr>` : null}
    </tbody></table></div>
  ${picture.notes.map((note) => html`<p key=${note} class="kl-notice"><${Words} text=${note} /></p>`)}
  ${picture.resting.length ? html`<p class="kl-faint">At rest with 0 pods, as ways back: revision ${picture.resting.join(", ")}</p>` : null}`;
}

// Each reason is a button that shows the cluster's own words.
const Troubles = ({ picture }) => picture.troubles.map((trouble) => html`<details key=${trouble.set + trouble.word} class="kr-trouble">
  <summary><span class="kl-bad">${MARKS.bad} ${trouble.word}</span>: ${trouble.count} ${trouble.count > 1 ? "pods" : "pod"} of ${trouble.set}</summary>
  <p>${trouble.why || "The cluster says no more about it."}</p><p class="kl-faint">${trouble.pods.join(", ")}${trouble.count > trouble.pods.length ? ", …" : ""}</p></details>`);

function Picture({ picture }) {
  const [ref, width] = useWidth();
  const id = useRef("kr" + Math.random().toString(36).slice(2));
  return html`<div ref=${ref}>${picture.limits ? html`
    <${Chart} picture=${picture} width=${width} id=${id.current} />
    <${Legend} picture=${picture} /><${Troubles} picture=${picture} /><${Sets} picture=${picture} />` : null}</div>`;
}
