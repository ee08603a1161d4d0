// What is solved of each lesson and of each domain of the exam: a bar, and the same in figures.
function Bar({ solved, count }) {
  const share = count ? solved / count : 0;
  return html`<svg width="150" height="14" role="img" aria-label=${`${solved} of ${count}`}>
    <rect class="kl-box" x="0.5" y="0.5" width="149" height="13" rx="3" />
    <rect class="kl-good" x="0.5" y="0.5" width=${149 * share} height="13" rx="3" />
  </svg>`;
}

function Rows({ title, rows, head, next }) {
  return html`<table><caption class="kl-faint" style="text-align:left">${title}</caption><tbody>
    ${rows.map((row) => html`<tr key=${row.number || row.id} style=${next === row.number && next ? "font-weight:600" : ""}>
      <th scope="row">${head(row)}</th><td><${Bar} ...${row} /></td>
      <td>${row.count && row.solved === row.count ? html`<span class="kl-good">${MARKS.done} all ${row.count}</span>` : `${row.solved} of ${row.count}`}${next === row.number && next ? " ← next" : ""}</td>
    </tr>`)}</tbody></table>`;
}

function Picture({ picture }) {
  return html`<div style="display:flex;flex-wrap:wrap;gap:8px 40px">
    ${picture.problem ? html`<p class="kl-notice">${picture.problem}</p>` : null}
    <${Rows} title="Lessons" rows=${picture.lessons} head=${(row) => `${row.number} ${row.title}`} next=${picture.next && picture.next.lesson} />
    <${Rows} title="The exam's domains, and their weights" rows=${picture.domains} head=${(row) => `${row.title} (${row.weight} %)`} />
  </div>`;
}
