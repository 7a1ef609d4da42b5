// Asks the server that sent this page for news while the run goes on.
(() => {
  const bar = document.getElementById("live");
  const interval = 1000 * Number(bar.dataset.refreshS);
  let state = bar.dataset.state, version = bar.dataset.version;

  function say(text, look) {
    if (bar.textContent !== text) bar.textContent = text;
    bar.className = "live " + look;
  }

  const ENDS = {
    complete: "The run is complete. This page is no longer drawn anew.",
    failed: "The run failed. This page is no longer drawn anew.",
    stopped: "The run was stopped. This page is no longer drawn anew; " +
      "start `l2rl report --live` again after resuming it.",
    interrupted: "The run was interrupted: nobody writes it any more. This page is no longer " +
      "drawn anew; start `l2rl report --live` again after resuming it.",
  };

  async function ask() {
    const answer = await fetch("/news?version=" + encodeURIComponent(version));
    const news = await answer.json();
    if (!answer.ok) return say(`Could not be read just now: ${news.error}`, "lost");
    version = news.version;
    state = news.state;
    if (news.body !== undefined) {
      document.title = news.title;
      l2rlPage.update(news.body, news.figures);
    }
    say(`Live: last looked at ${new Date().toLocaleTimeString()}; drawn anew while the run goes on.`, "");
  }

  async function follow() {
    try {
      await ask();
    } catch {
      say("The server has ended; this is the last that it said.", "lost");
    }
    if (state === "running") setTimeout(follow, interval);
    else say(ENDS[state] ?? `The run is ${state}.`, "ended");
  }

  follow();
})();
