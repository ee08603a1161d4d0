/* What the pages know of the course, asked of the server: often while the engines start, rarely when they are up. */

const PAUSES = { starting: 2000, ready: 15000 }; // milliseconds
const OTHERWISE = 5000;
const UNREACHABLE = {
  state: 'unreachable',
  brief: 'server does not answer',
  sentence: 'The Jupyter server does not answer.',
  todo: 'Is it still running where you started it?',
  steps: []
};

export function makeCourse(lab) {
  const { services, coreutils, signaling } = lab;
  const settings = services.ServerConnection.makeSettings();

  class Course {
    engine = null; // as labs.jupyter.engine_state tells it; null until it was asked
    standing = null; // as labs.progress.summary tells it
    setUpAnew = false; // the course that was here when the page was opened is another one now
    changed = new signaling.Signal(this);

    constructor() {
      document.addEventListener('visibilitychange', () => document.hidden || this.refresh());
      this.refresh();
    }

    url(name, query = '') {
      return coreutils.URLExt.join(settings.baseUrl, 'kube-labs', name) + query;
    }

    /** The server's answer. Throws an Error whose message is a sentence for the learner. */
    async ask(name, query = '', init = {}) {
      const response = await services.ServerConnection.makeRequest(this.url(name, query), init, settings);
      const answer = await response.json().catch(() => ({}));
      if (!response.ok) {
        throw new Error([answer.what || answer.message || `The server answered ${response.status}.`, answer.todo]
          .filter(Boolean).join(' '));
      }
      return answer;
    }

    /** Ask now, and again after a while, for as long as somebody looks. */
    async refresh() {
      clearTimeout(this.timer);
      const round = (this.round = (this.round || 0) + 1);
      const engine = await this.ask('engine').catch(() => UNREACHABLE);
      this.noteEngine(engine);
      if (engine.state !== 'unreachable') {
        await this.refreshStanding();
      }
      if (round === this.round && !document.hidden) {
        this.timer = setTimeout(() => this.refresh(), PAUSES[engine.state] || OTHERWISE);
      }
    }

    async refreshStanding() {
      try {
        this.note('standing', await this.ask('standing'));
      } catch (error) {
        this.note('standing', { ...(this.standing || {}), problem: error.message });
      }
    }

    noteEngine(engine) {
      if (engine.id && this.seen && engine.id !== this.seen) {
        this.setUpAnew = true;
      }
      this.seen = engine.id || this.seen;
      this.note('engine', engine);
    }

    note(key, value) {
      if (JSON.stringify(this[key]) !== JSON.stringify(value)) {
        this[key] = value;
        this.changed.emit(key);
      }
    }

    /** Whether an exercise is solved. */
    passed(exerciseId) {
      const all = ((this.standing && this.standing.lessons) || []).flatMap(lesson => lesson.exercises);
      return all.some(exercise => exercise.id === exerciseId && exercise.passed);
    }
  }
  return new Course();
}
