// Who is signed in: the token lives as long as the tab.

const KEY = "crm.session";

export function session() {
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  return kept && new Date(kept.expiresAt) > new Date() ? kept : null;
}

export async function signIn(email, password) {
  const response = await fetch("/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.errors[0].message);
  sessionStorage.setItem(KEY, JSON.stringify({ ...answer, email }));
}

export function signOut() {
  sessionStorage.removeItem(KEY);
}
