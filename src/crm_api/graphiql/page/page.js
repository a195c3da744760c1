// The page: a door, and GraphiQL behind it.

import { examples } from "./examples.js";
import { fetcher } from "./fetcher.js";
import { session, signIn, signOut } from "./session.js";

const { React, ReactDOM, GraphiQL } = globalThis;
const door = document.getElementById("door");
const login = document.getElementById("login");
const leave = document.getElementById("leave");
const who = document.getElementById("who");
const refusal = document.getElementById("refusal");
const second = document.getElementById("second");
const root = ReactDOM.createRoot(document.getElementById("graphiql"));

function show() {
  const signedIn = session();
  who.textContent = signedIn?.email ?? "";
  leave.hidden = !signedIn;
  if (!signedIn) {
    root.render(null);
    if (!door.open) door.showModal();
    return;
  }
  door.close();
  root.render(
    React.createElement(GraphiQL, {
      fetcher: fetcher(end),
      defaultTabs: examples,
      storage: null, // what is typed and answered may be about people: the browser keeps nothing
      shouldPersistHeaders: false,
      isHeadersEditorEnabled: false,
    }),
  );
}

// Anew, so that nothing of what was shown is left in the page for whoever comes next.
function end() {
  signOut();
  location.reload();
}

login.addEventListener("submit", async (event) => {
  event.preventDefault();
  refusal.textContent = "";
  const given = new FormData(login);
  try {
    await signIn(given.get("email"), given.get("password"), given.get("code"));
    login.reset();
    second.hidden = true;
    show();
  } catch (error) {
    refusal.textContent = error.message;
    if (error.extensions?.reason === "login.code_required") {
      second.hidden = false;
      login.elements.code.focus();
    }
  }
});

// Without a token there is nothing behind the door: Escape does not open it.
door.addEventListener("cancel", (event) => event.preventDefault());

leave.addEventListener("click", end);

show();
