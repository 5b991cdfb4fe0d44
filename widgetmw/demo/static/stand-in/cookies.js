// The cookies that widgets set on the site itself.
const YEAR = 31_536_000;

export const readCookie = (name) =>
  document.cookie
    .split("; ")
    .find((cookie) => cookie.startsWith(`${name}=`))
    ?.slice(name.length + 1);

export function writeCookie(name, value) {
  document.cookie = `${name}=${value}; path=/; max-age=${YEAR}; samesite=lax`;
}

export function removeCookie(name) {
  document.cookie = `${name}=; path=/; max-age=0`;
}

// An id that nobody can guess.
export const newId = () => crypto.getRandomValues(new Uint32Array(4)).join("-");
