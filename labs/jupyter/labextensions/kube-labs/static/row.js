/* Check, Hint and Solution beside each check cell. What they show is theirs: the notebook's file never changes by it. */

import { el, prose } from './dom.js';

const CHECK = /^\s*lab\.check\(\s*["'](ex-([0-9]{2})-[0-9])["']\s*\)/m;
const LAB_IS_THERE = "'lab' in globals() and hasattr(globals()['lab'], 'check')";

/** The exercise that a cell checks and its lesson, or null. */
export function exerciseOf(cell) {
  const tags = cell.model.getMetadata('tags') || [];
  const match = tags.includes('check') && CHECK.exec(cell.model.sharedModel.getSource());
  return match ? { id: match[1], lesson: match[2] } : null;
}

/**
 * The row of a cell.
 * @param {object} lab JupyterLab's packages
 * @param {object} course what is known
 * @param {object} rendermime shows Markdown
 * @param {object} panel the notebook
 * @param {object} cell the check's
 */
export function makeRow(lab, course, rendermime, panel, cell) {
  const { id, lesson } = exerciseOf(cell);
  const said = el('span.kl-row-said', { role: 'status', 'aria-live': 'polite' });
  const hintButton = button('Hint', 'Show the next hint', showHint);
  const row = new lab.widgets.Panel();
  row.addClass('kl-row');
  row.addWidget(new lab.widgets.Widget({
    node: el('div.kl-row-buttons', { role: 'group', 'aria-label': `Exercise ${id}` },
      button('Check', 'Run this cell: it looks at what you made', runCheck),
      hintButton,
      button('Solution', 'Show one solution; asks first', showSolution),
      said)
  }));
  let hints = 0;
  let help = null;
  let solved = null;

  function button(label, title, action) {
    const node = el('button.kl-button', { type: 'button', title, 'aria-label': `${label}: ${id}` }, label);
    node.addEventListener('click', async () => {
      try {
        await action();
      } catch (error) {
        say(error.message);
      }
    });
    return node;
  }

  function say(text) {
    said.replaceChildren(...prose(text));
  }

  async function runCheck() {
    const kernel = panel.sessionContext.session && panel.sessionContext.session.kernel;
    if (!kernel || kernel.status === 'dead') {
      say('This notebook has no running kernel. Kernel, Restart Kernel gives it one; then run it from the top.');
      return;
    }
    say(kernel.status === 'busy' ? 'The kernel is at work; the check comes after it.' : '');
    if (!(await labIsThere(kernel))) {
      say(`Nothing to check with yet: first run the cell with \`lab = open_lab("${lesson}"\`, near the top ` +
        'of this notebook, and those before it.');
      return;
    }
    say('Checking …');
    await lab.notebook.NotebookActions.runCells(panel.content, [cell], panel.sessionContext);
    say('');
    await course.refreshStanding();
  }

  async function showHint() {
    const answer = await course.ask('help', `?exercise=${id}&number=${hints + 1}`);
    hints = answer.number;
    const last = hints === answer.count;
    hintButton.textContent = last ? 'Hint' : 'Next hint';
    hintButton.title = last ? 'There are no more' : 'Show the next hint';
    await show(answer, last ? 'That was the last hint.' : 'Press “Next hint” for more.');
  }

  async function showSolution() {
    const { Dialog, showDialog } = lab.apputils;
    const result = await showDialog({
      title: `Show a solution of ${id}?`,
      body: hints ? 'You learn more from one more try of your own.' : 'There are hints as well, which tell less.',
      buttons: [Dialog.cancelButton({ label: 'Not yet' }), Dialog.okButton({ label: 'Show it' })],
      defaultButton: 0
    });
    if (result.button.accept) {
      await show(await course.ask('help', `?exercise=${id}`), 'Other ways may be as good. Nothing of it was run.');
    }
  }

  async function show(answer, after) {
    const renderer = rendermime.createRenderer('text/markdown');
    await renderer.renderModel(rendermime.createModel({ data: { 'text/markdown': answer.markdown }, trusted: false }));
    const shown = new lab.widgets.Panel();
    shown.addClass('kl-help');
    const close = el('button.kl-button', { type: 'button', onclick: hide }, 'Hide');
    shown.addWidget(new lab.widgets.Widget({ node: el('div.kl-help-title', {}, answer.title) }));
    shown.addWidget(renderer);
    shown.addWidget(new lab.widgets.Widget({ node: el('div.kl-row-buttons', {}, close, el('span', {}, after)) }));
    hide();
    help = shown;
    row.addWidget(shown);
    say('');
  }

  function hide() {
    if (help) {
      help.dispose();
      help = null;
      row.node.querySelector('button').focus();
    }
  }

  function draw() {
    const now = course.passed(id);
    if (now !== solved) {
      solved = now;
      row.node.querySelector('.kl-row-solved')?.remove();
      if (solved) {
        said.before(el('span.kl-tag.kl-row-solved', {}, '✓ solved'));
      }
    }
  }
  course.changed.connect(draw);
  row.disposed.connect(() => course.changed.disconnect(draw));
  draw();
  return row;
}

/** Whether the kernel knows `lab`; asked without a trace in the notebook or in the kernel's history. */
async function labIsThere(kernel) {
  const future = kernel.requestExecute({
    code: '', silent: true, store_history: false, stop_on_error: false, user_expressions: { there: LAB_IS_THERE }
  });
  const reply = await future.done.catch(() => {
    throw new Error('The kernel was restarted before it could answer: run the notebook from the top.');
  });
  const told = reply.content.user_expressions && reply.content.user_expressions.there;
  return Boolean(told && told.status === 'ok' && told.data['text/plain'] === 'True');
}

/**
 * In a row, keys without Ctrl, Alt or Meta are its buttons': in command mode JupyterLab would take Enter and letters.
 * Listens where it hears of a key before JupyterLab does; Ctrl+S and the like go on to that.
 */
export function keepKeys() {
  window.addEventListener('keydown', event => {
    const row = event.target.closest?.('.kl-row');
    const plain = !(event.ctrlKey || event.altKey || event.metaKey);
    row?.toggleAttribute('data-lm-suppress-shortcuts', plain);
  }, true);
}

/** Give each check cell of a notebook its row, now and when cells come. */
export function watch(lab, course, rendermime, panel) {
  const fit = async cell => {
    if (cell.isDisposed || cell.model.type !== 'code' || !exerciseOf(cell)) {
      return;
    }
    await cell.ready; // a cell that was never in view has no parts yet
    if (cell.isDisposed || cell.node.querySelector('.kl-row')) {
      return;
    }
    const parts = cell.layout.widgets;
    const input = parts.findIndex(part => part.hasClass('jp-Cell-inputWrapper'));
    cell.layout.insertWidget(input + 1, makeRow(lab, course, rendermime, panel, cell));
  };
  const fitAll = () => panel.content.widgets.forEach(cell => fit(cell));
  let cells = null;
  const later = () => requestAnimationFrame(() => panel.isDisposed || fitAll()); // the widgets come after the model
  const listen = () => {
    cells?.changed.disconnect(later);
    cells = panel.content.model?.cells;
    cells?.changed.connect(later);
    fitAll();
  };
  panel.content.modelChanged.connect(listen);
  panel.revealed.then(fitAll);
  panel.context.ready.then(listen);
}
