// Owners, their ReplicaSets, pods, and Services with arrows to the pods that they send requests to.
const ROW = 46, BOX = 40, SERVICE = 56, SERVICES = 68, MANY = 12, TILE = 15, PER_LINE = 15;
const COLUMN = { owner: [2, 190], set: [214, 190], pod: [426, 256], service: [748, 226] };

function Box({ thing, x, y, width, height = BOX, picked, pick, second, third }) {
  const label = `${thing.kind || "Service"} ${thing.name}: ${thing.word}${thing.why ? ", " + thing.why : ""}`;
  const letters = Math.floor(width / 7.1);
  return html`<g class=${picked === thing.id ? "kl-picked" : ""} transform=${`translate(${x},${y})`} ...${pressable(label, () => pick(thing.id))}>
    <title>${label}</title>
    <rect class="kl-box" width=${width} height=${height} rx="5" />
    <text x="8" y="16">${cutMiddle(thing.name, letters)}</text>
    <text x="8" y="33" class=${"kl-" + thing.mark}>${MARKS[thing.mark]} ${cut(second || thing.word, letters - 3)}</text>
    ${third ? html`<text x="8" y="49" class="kl-faint">${cut(third, letters)}</text>` : null}
  </g>`;
}

// More than a dozen pods of one owner: a tile each, and by name only those that are in trouble.
function Tiles({ pods, x, y, picked, pick }) {
  return html`<g>${pods.map((pod, i) => html`<g key=${pod.id} transform=${`translate(${x + (i % PER_LINE) * (TILE + 2)},${y + Math.floor(i / PER_LINE) * (TILE + 2)})`}
      class=${picked === pod.id ? "kl-picked" : ""} ...${pressable(`Pod ${pod.name}: ${pod.word}`, () => pick(pod.id))}>
      <title>${pod.name}: ${pod.word}</title><rect class="kl-box" width=${TILE} height=${TILE} rx="2" />
      <text x=${TILE / 2} y="12" text-anchor="middle" class=${"kl-" + pod.mark}>${MARKS[pod.mark]}</text></g>`)}</g>`;
}

// Where everything goes: groups of pods from top to bottom, each beside its ReplicaSet and its owner.
function arrange({ owners, sets, pods }) {
  const children = (of) => (id) => of.filter((thing) => thing.owner === id);
  const podsOf = children(pods), setsOf = children(sets);
  const known = new Set([...owners, ...sets].map((thing) => thing.id));
  const groups = [];
  for (const owner of owners.filter((o) => !known.has(o.owner))) {
    const below = setsOf(owner.id);
    groups.push({ owner, parts: below.length ? below.map((set) => ({ set, pods: podsOf(set.id) })) : [{ pods: podsOf(owner.id) }] });
  }
  for (const set of sets.filter((s) => !known.has(s.owner))) groups.push({ parts: [{ set, pods: podsOf(set.id) }] });
  const alone = pods.filter((pod) => !known.has(pod.owner));
  if (alone.length) groups.push({ parts: [{ pods: alone }] });
  const places = {}, boxes = [], links = [], tiles = [];
  let y = 24;
  const put = (thing, column, at) => {
    const [x, width] = COLUMN[column];
    places[thing.id] = { left: x, right: x + width, middle: at + BOX / 2 };
    boxes.push({ thing, x, y: at, width });
  };
  for (const { owner, parts } of groups) {
    if (owner) put(owner, "owner", y);
    for (const { set, pods } of parts) {
      if (set) put(set, "set", y);
      if (owner && set) links.push([owner.id, set.id]);
      const from = set || owner;
      let rows = pods;
      let at = y;
      if (pods.length > MANY) {
        tiles.push({ pods, x: COLUMN.pod[0], y: at, id: from ? from.id : "alone" });
        const lines = Math.ceil(pods.length / PER_LINE);
        pods.forEach((pod, i) => (places[pod.id] = { tiles: true, left: COLUMN.pod[0], right: COLUMN.pod[0] + 256, middle: at + Math.floor(i / PER_LINE) * (TILE + 2) + 8 }));
        if (from) links.push([from.id, pods[0].id]);
        at += lines * (TILE + 2) + 6;
        rows = pods.filter((pod) => pod.mark === "bad").slice(0, 6);
      }
      for (const pod of rows) {
        put(pod, "pod", at);
        if (from && pods.length <= MANY) links.push([from.id, pod.id]);
        at += ROW;
      }
      y = Math.max(at, y + (set || owner ? ROW : 0));
    }
    y += 8;
  }
  return { places, boxes, links, tiles, height: y };
}

const curve = (a, b) => `M${a.right},${a.middle} C${a.right + 14},${a.middle} ${b.left - 14},${b.middle} ${b.left},${b.middle}`;

// Of several Services, each has a line of its own kind, and arrow heads beside each other where they reach the same pod.
const LINES = [["--kl-good", null], ["--kl-a", "8 3"], ["--kl-b", "2 3"], ["--kl-c", "10 3 2 3"]];

function Arrows({ service, index, count, y, places }) {
  const from = { x: COLUMN.service[0], y: y + SERVICE / 2 };
  const [colour, dashes] = LINES[index % LINES.length];
  const aside = count > 1 ? ((index % LINES.length) - (Math.min(count, LINES.length) - 1) / 2) * 8 : 0;
  const seen = new Set();
  return service.to.filter((end) => places[end.id]).map((end) => {
    const place = places[end.id];
    const key = place.tiles ? `${place.middle}-${end.ready}` : end.id;
    if (seen.has(key)) return null; // one arrow to a line of tiles
    seen.add(key);
    const tip = place.right + 7, at = place.middle + (place.tiles ? 0 : aside);
    const style = end.ready ? `stroke:var(${colour})` : "";
    return html`<g key=${end.id}><title>${service.name} → ${end.name}${end.ready ? "" : ": not ready, gets nothing"}</title>
      <path class=${"kl-link " + (end.ready ? "kl-good" : "kl-bad")} style=${style} stroke-dasharray=${end.ready ? dashes : null} d=${`M${from.x},${from.y} C${from.x - 40},${from.y} ${tip + 40},${at} ${tip},${at}`} />
      ${end.ready ? html`<path style=${`fill:var(${colour})`} d=${`M${place.right + 1},${at} l8,-4 v8 z`} />` : html`<text x=${place.right + 3} y=${at + 4} class="kl-bad">✖</text>`}</g>`;
  });
}

function Detail({ thing, close }) {
  const labels = Object.entries(thing.labels || {}).map(([key, value]) => `${key}=${value}`).join(", ");
  const rows = [["state", thing.word], ["why", thing.why], ["restarts", thing.restarts || ""], ["image", (thing.images || []).join(", ")], ["node", thing.node], ["address", thing.ip || thing.where], ["ports", thing.ports], ["labels", labels], ["selector", thing.selector]];
  return html`<div class="kl-detail" role="region" aria-label=${"About " + thing.name}>
    <p><strong>${thing.kind || "Service"} ${thing.name}</strong> <button type="button" onClick=${close}>close</button></p>
    <table>${rows.filter(([, value]) => value).map(([name, value]) => html`<tr key=${name}><th scope="row">${name}</th><td class=${name === "state" ? "kl-" + thing.mark : ""}>${name === "state" ? MARKS[thing.mark] + " " : ""}${value}</td></tr>`)}</table>
  </div>`;
}

function Picture({ picture }) {
  const [picked, pick] = useState("");
  const { places, boxes, links, tiles, height } = arrange(picture);
  const all = [...picture.owners, ...picture.sets, ...picture.pods, ...picture.services];
  const chosen = all.find((thing) => thing.id === picked);
  const tall = Math.max(height, 24 + picture.services.length * SERVICES, 60);
  const choose = (id) => pick(id === picked ? "" : id);
  const heads = [["owner", "Deployment or other owner"], ["set", "ReplicaSet"], ["pod", "Pods"], ["service", picture.services.length ? "Services: arrows to ready pods" : "no Service in this namespace"]];
  return html`<div>
    <div class="kl-faint">${picture.nodes.map((node) => html`<span key=${node.name} title=${node.why}>node ${node.name}: <span class=${"kl-" + node.mark}>${MARKS[node.mark]} ${node.word}</span>, ${many(node.pods, "pod")} here. </span>`)}
      ${picture.resting ? `${many(picture.resting, "ReplicaSet")} of former revisions at 0.` : ""}</div>
    ${all.length ? html`<svg width="978" height=${tall} role="group" aria-label="Owners, pods and Services">
      ${heads.map(([column, title]) => html`<text x=${COLUMN[column][0]} y="14" class="kl-faint">${title}</text>`)}
      ${links.map(([a, b]) => html`<path key=${a + b} class="kl-link" d=${curve(places[a], places[b])} />`)}
      ${picture.services.map((service, i) => html`<${Arrows} key=${service.id} service=${service} index=${i} count=${picture.services.length} y=${24 + i * SERVICES} places=${places} />`)}
      ${boxes.map((box) => html`<${Box} key=${box.thing.id} ...${box} picked=${picked} pick=${choose} second=${box.thing.kind === "Pod" && box.thing.restarts ? `${box.thing.word}, ${box.thing.restarts} restarts` : ""} />`)}
      ${tiles.map((group) => html`<${Tiles} key=${group.id} ...${group} picked=${picked} pick=${choose} />`)}
      ${picture.services.map((service, i) => html`<${Box} key=${service.id} thing=${service} x=${COLUMN.service[0]} y=${24 + i * SERVICES} width=${COLUMN.service[1]} height=${SERVICE} picked=${picked} pick=${choose} second=${service.to.length ? service.where : service.why || service.where} third=${service.ports} />`)}
    </svg>` : html`<p>This namespace has no pods yet.</p>`}
    ${chosen ? html`<${Detail} thing=${chosen} close=${() => pick("")} />` : null}
  </div>`;
}
