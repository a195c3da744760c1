// Who is signed in: the token lives as long as the tab.

const KEY = "crm.session";

export function session() {
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  return kept && new Date(kept.expiresAt) > new Date() ? kept : null;
}

/** `code`: of the authenticator or a recovery code, for who has a second factor. */
export async function signIn(email, password, code) {
  const response = await fetch("/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password, ...(code && { code }) }),
  });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.errors[0].message), answer.errors[0]);
  sessionStorage.setItem(KEY, JSON.stringify({ ...answer, email }));
}

// Here at once, whether the server is reached or not; there as well, if it is.
export function signOut() {
  const kept = session();
  sessionStorage.removeItem(KEY);
  if (!kept) return;
  const headers = { authorization: `Bearer ${kept.token}` };
  fetch("/session/end", { method: "POST", headers, keepalive: true }).catch(() => {});
}
