/*
 * What JupyterLab loads: a federated module written by hand, so that nobody needs npm or a build.
 *
 * JupyterLab's own packages are taken from the share scope, as they run in the page; our files are its siblings,
 * loaded as ES modules by the browser.
 */
(() => {
  const here = document.currentScript.src;
  const SHARED = {
    application: '@jupyterlab/application',
    apputils: '@jupyterlab/apputils',
    coreutils: '@jupyterlab/coreutils',
    notebook: '@jupyterlab/notebook',
    rendermime: '@jupyterlab/rendermime',
    services: '@jupyterlab/services',
    signaling: '@lumino/signaling',
    statusbar: '@jupyterlab/statusbar',
    widgets: '@lumino/widgets'
  };
  let scope;

  async function shared(name) {
    const versions = Object.values(scope[name] || {});
    if (!versions.length) {
      throw new Error(`This JupyterLab does not share ${name}, which the course's page needs.`);
    }
    // one that runs already, where an extension brought another
    const chosen = versions.find(version => version.loaded) || versions[0];
    return (await chosen.get())();
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB['kube-labs'] = {
    init(shareScope) {
      scope = shareScope;
    },
    async get(module) {
      if (module !== './extension') {
        throw new Error(`The extension kube-labs has no ${module}.`);
      }
      const names = Object.keys(SHARED);
      const modules = await Promise.all(names.map(name => shared(SHARED[name])));
      const lab = Object.fromEntries(names.map((name, index) => [name, modules[index]]));
      const { makePlugin } = await import(new URL('plugin.js', here).href);
      return () => ({ __esModule: true, default: makePlugin(lab, new URL('style.css', here).href) });
    }
  };
})();
