/* What the extension adds to JupyterLab, put together. */

import { makeCourse } from './course.js';
import { el } from './dom.js';
import { makePage } from './page.js';
import { exerciseOf, keepKeys, watch } from './row.js';
import { makeStatusItem } from './status.js';

const OPEN = 'kube-labs:open-course';
const PAGE = 'kube-labs-course';

/**
 * The plugin.
 * @param {object} lab JupyterLab's packages, by short names
 * @param {string} style the address of our style sheet
 */
export function makePlugin(lab, style) {
  return {
    id: 'kube-labs:plugin',
    description: 'The course page, the engines in the status bar, and buttons beside the checks.',
    autoStart: true,
    requires: [lab.notebook.INotebookTracker, lab.rendermime.IRenderMimeRegistry],
    optional: [lab.statusbar.IStatusBar, lab.apputils.ICommandPalette, lab.application.ILayoutRestorer],
    activate: (app, notebooks, rendermime, statusBar, palette, restorer) => {
      document.head.append(el('link', { rel: 'stylesheet', href: style }));
      const course = makeCourse(lab);
      addPage(lab, app, course, palette, restorer);
      keepKeys();
      notebooks.widgetAdded.connect((_, panel) => watch(lab, course, rendermime, panel));
      notebooks.forEach(panel => watch(lab, course, rendermime, panel));
      lab.notebook.NotebookActions.executed.connect((_, { cell }) => exerciseOf(cell) && course.refreshStanding());
      if (statusBar) {
        const hasKernel = () => Boolean(notebooks.currentWidget?.sessionContext.session?.kernel);
        const item = makeStatusItem(lab, course, () => app.commands.execute(OPEN), hasKernel);
        notebooks.currentChanged.connect(item.draw);
        notebooks.widgetAdded.connect((_, panel) => panel.sessionContext.kernelChanged.connect(item.draw));
        statusBar.registerStatusItem('kube-labs:engines', { item, align: 'left', rank: 3, isActive: () => true });
      }
    }
  };
}

function addPage(lab, app, course, palette, restorer) {
  const { shell, commands } = app;
  const tracker = new lab.apputils.WidgetTracker({ namespace: 'kube-labs' });
  const actions = {
    openNotebook: file => {
      const folder = course.standing.folder;
      if (folder === null) {
        lab.apputils.showErrorMessage('The notebooks are elsewhere',
          'The file browser shows a folder that they are not in. `make lab` starts JupyterLab where they are.');
        return null;
      }
      return commands.execute('docmanager:open', { path: folder ? `${folder}/${file}` : file });
    },
    openTerminal: () => commands.execute('terminal:create-new')
  };
  let page = null;

  commands.addCommand(OPEN, {
    label: 'Open the Course Page',
    caption: 'Lessons, progress, and the state of the engines',
    execute: ({ activate = true } = {}) => {
      if (!page || page.isDisposed) {
        page = new lab.apputils.MainAreaWidget({ content: makePage(lab, course, actions) });
        page.id = PAGE;
        page.title.label = 'Course';
        page.title.caption = 'Lessons, progress, and the state of the engines';
        page.title.closable = true;
        tracker.add(page);
      }
      if (!page.isAttached) {
        shell.add(page, 'main', { activate });
      }
      if (activate) {
        shell.activateById(page.id);
      }
    }
  });
  palette?.addItem({ command: OPEN, category: 'Help' });
  restorer?.restore(tracker, { command: OPEN, args: () => ({ activate: false }), name: () => PAGE });
  // who named a notebook sees that one, with the page behind it
  app.restored.then(() => commands.execute(OPEN, { activate: !lab.coreutils.PageConfig.getOption('treePath') }));
}
