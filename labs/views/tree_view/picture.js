// An object's fields as a tree: with old and new values, or with a column for each of several objects.
const HIDDEN = "metadata.managedFields";
const BY = { server: "written by the cluster", default: "default value" };
const plainly = (text) => (text === null ? "(none)" : text);

// The rows that can be seen, from top to bottom.
function visible(root, isOpen, skip) {
  const rows = [];
  const add = (node, depth, by) => node.below.filter((child) => !skip(child, by)).forEach((child, i, all) => {
    const theirs = child.by || by;
    rows.push({ node: child, depth, by: theirs, parent: node.id, open: isOpen(child, depth, theirs), place: i + 1, count: all.length });
    if (child.below.length && isOpen(child, depth, theirs)) add(child, depth + 1, theirs);
  });
  add(root, 1, "");
  return rows;
}

function fields(node) {
  return node.below.length ? node.below.reduce((n, child) => n + fields(child), 0) : 1;
}

function Value({ node, open }) {
  const [old, now] = node.texts;
  const folded = node.below.length && !open ? html`<span class="kl-faint">${many(fields(node), "field")}</span>` : null;
  if (!node.differs || (node.below.length && old !== null && now !== null)) return html`<span class="ko-value">${now}</span>${folded}${node.differs && !open ? html` <span class="ko-changed">± changed</span>` : null}`;
  if (old === null) return html`<span class="ko-changed">+ ${now}</span>${folded}`;
  if (now === null) return html`<span class="ko-removed"><span aria-hidden="true">− </span><s>${old || "…"}</s> removed</span>`;
  return html`<span class="ko-removed"><s>${old}</s></span> → <span class="ko-changed">${now}</span>`;
}

// Which objects have another value than most; all of them where no value is that of most.
function odd(texts) {
  const votes = (text) => texts.filter((other) => other === text).length;
  const most = texts.find((text) => votes(text) * 2 > texts.length);
  return texts.map((text) => most === undefined || text !== most);
}

// Whether the objects agree, and each one's value, also where it is the same: an empty column would say that it has none.
function Columns({ node, open }) {
  const isWhole = node.below.length && !node.texts.includes(null);
  const value = (text) => (text === null ? "(none)" : text || (open ? "" : many(fields(node), "field")));
  const isOdd = odd(node.texts);
  const look = (i) => (node.by || !node.differs || !isOdd[i] ? "kl-faint" : "ko-changed");
  return html`<span class=${node.differs ? "ko-changed" : "kl-faint"}>${isWhole && open ? "" : node.differs ? "≠" : "="}</span>
    ${node.texts.map((text, i) => html`<span key=${i} class=${isWhole ? "kl-faint" : look(i)}>${value(text)}${node.by && text !== null ? html` <span class="ko-note">${BY[node.by]}</span>` : null}</span>`)}`;
}

const columns = (names) => `grid-template-columns:minmax(160px,30%) 1.2em repeat(${names.length},minmax(0,1fr))`;

function spoken({ node, by }, names) {
  if (names) return node.differs ? `${node.key}: ${node.texts.map((text, i) => `${names[i]} ${plainly(text) || "has fields"}`).join(", ")}` : `${node.key}: ${node.texts[0] || "alike"}`;
  const [old, now] = node.texts;
  const value = node.differs && !node.below.length ? `was ${plainly(old)}, is ${plainly(now)}` : plainly(now);
  return `${node.key}: ${value}${by ? `, ${BY[by]}` : ""}`;
}

function Tree({ root, names, skip }) {
  const [chosen, choose] = useState({});
  const [at, setAt] = useState("");
  const box = useRef(null);
  const usually = (node, depth, by) => (names ? node.differs : (node.differs && node.id !== "status.conditions") || (!by && (depth < 2 || !node.id.startsWith("status")) && depth < 8));
  const isOpen = (node, depth, by) => (node.id in chosen ? chosen[node.id] : usually(node, depth, by));
  const rows = visible(root, isOpen, skip);
  const here = Math.max(0, rows.findIndex((row) => row.node.id === at));
  // The focus moves at once, and tells where we are: the next key may come before the next picture.
  const go = (index) => {
    if (!rows[index]) return;
    box.current.children[index]?.focus();
    setAt(rows[index].node.id);
  };
  const set = (row, open) => row.node.below.length && choose({ ...chosen, [row.node.id]: open });
  const onKey = (event) => {
    const from = Math.max(0, [...box.current.children].indexOf(event.target.closest("[role='treeitem']")));
    const row = rows[from];
    const does = {
      ArrowDown: () => go(from + 1),
      ArrowUp: () => go(from - 1),
      Home: () => go(0),
      End: () => go(rows.length - 1),
      ArrowRight: () => (row.node.below.length && !row.open ? set(row, true) : row.node.below.length && go(from + 1)),
      ArrowLeft: () => (row.node.below.length && row.open ? set(row, false) : go(rows.findIndex((r) => r.node.id === row.parent))),
      Enter: () => set(row, !row.open),
      " ": () => set(row, !row.open),
    }[event.key];
    if (!does || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    does();
  };
  return html`<div class="ko" role="tree" aria-label="Fields" data-lm-suppress-shortcuts="true" ref=${box} onKeyDown=${onKey}>
    ${rows.map((row, i) => html`<div key=${row.node.id} role="treeitem" aria-level=${row.depth} aria-posinset=${row.place} aria-setsize=${row.count} aria-expanded=${row.node.below.length ? row.open : undefined} aria-label=${spoken(row, names)}
        tabindex=${i === here ? 0 : -1} class=${`ko-row${row.by ? " ko-by" : ""}${row.node.differs && !row.node.below.length ? " ko-differs" : ""}`} style=${names ? columns(names) : ""} data-path=${row.node.id}
        onClick=${() => { setAt(row.node.id); set(row, !row.open); }}>
        <span class="ko-key" style=${`padding-left:${(row.depth - 1) * 15}px`}><span class="ko-twist" aria-hidden="true">${row.node.below.length ? (row.open ? "▾" : "▸") : ""}</span>${row.node.key}${names ? "" : ":"}</span>
        ${names ? html`<${Columns} node=${row.node} open=${row.open} />` : html`<span class="ko-is"><${Value} node=${row.node} open=${row.open} />${row.node.by ? html` <span class="ko-note">${BY[row.node.by]}</span>` : null}</span>`}
      </div>`)}
  </div>`;
}

function Picture({ picture }) {
  const [all, showAll] = useState(true);
  const [managed, showManaged] = useState(false);
  const root = picture.tree;
  const isOne = picture.mode === "one";
  const names = isOne ? null : picture.names;
  const skip = (node, by) => (node.id === HIDDEN && !managed) || (isOne && !all && (node.by || by) && !node.differs);
  return html`<div>
    ${picture.note ? html`<p class="kl-notice" role="status">${picture.note}</p>` : null}
    ${picture.pairs.length ? html`<table class="ko-pairs"><thead><tr><th></th><th>asked for (spec)</th><th>is (status)</th></tr></thead><tbody>
      ${picture.pairs.map((pair) => html`<tr key=${pair.what}><th scope="row">${pair.what}</th><td>${pair.asked}</td><td class=${"kl-" + pair.mark}>${MARKS[pair.mark]} ${pair.is}</td></tr>`)}</tbody></table>` : null}
    ${root && isOne ? html`<p class="ko-tools"><button type="button" aria-pressed=${!all} onClick=${() => showAll(!all)}>only what was asked for</button> <button type="button" aria-pressed=${managed} onClick=${() => showManaged(!managed)}>managedFields</button> <span class="kl-faint">Grey: the cluster wrote it, nobody asked for it. Arrow keys move and fold.</span></p>` : null}
    ${names ? html`<p class="ko-tools kl-faint">= all have the same; ≠ they differ, and the odd one out is coloured. ▸ opens.</p><div class="ko-row ko-head" style=${columns(names)}><span>field</span><span></span>${names.map((name) => html`<strong key=${name}>${name}</strong>`)}</div>` : null}
    ${root ? html`<${Tree} root=${root} names=${names} skip=${skip} />` : null}
  </div>`;
}
