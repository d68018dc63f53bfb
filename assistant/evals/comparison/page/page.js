"use strict";
(() => {
  const by = (id) => document.getElementById(id);
  const root = document.documentElement;

  const theme = by("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const name = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  theme.hidden = false;
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    name();
  });
  dark.addEventListener("change", name);
  name();

  const entries = [...document.querySelectorAll(".entry")];
  const controls = by("controls");
  if (!controls) return;
  controls.hidden = false;
  const shares = new Map(entries.map((e) => [e, e.dataset.s.split(" ").map(Number)]));
  const visible = () => entries.filter((e) => !e.hidden);

  const wanted = (entry) => {
    const [after, before] = by("pair").value.split(" ").map(Number);
    const side = Number(by("side").value);
    const text = by("find").value.trim().toLowerCase();
    if (!entry.dataset.t.includes(text)) return false;
    if (before === undefined) return true;
    const s = shares.get(entry);
    const sign = Math.sign(s[after] - s[before]);
    return side ? sign === side : sign !== 0;
  };
  const filter = () => {
    by("side").disabled = by("pair").value === "";
    for (const entry of entries) entry.hidden = !wanted(entry);
    const left = visible().length;
    by("count").textContent = left === 1 ? "1 task" : `${left} tasks`;
    by("none").hidden = left > 0;
    opening();
  };
  const opening = () => {
    const all = visible();
    by("open").textContent = all.length && all.every((e) => e.open) ? "Close all" : "Open all";
  };
  by("open").addEventListener("click", () => {
    const all = visible();
    const open = !all.every((e) => e.open);
    for (const entry of all) entry.open = open;
    opening();
  });
  for (const id of ["pair", "side"]) by(id).addEventListener("change", filter);
  by("find").addEventListener("input", filter);
  by("find").addEventListener("keydown", (event) => {
    if (event.key === "Escape") { by("find").value = ""; filter(); }
  });

  const step = (by_) => {
    const all = visible();
    const at = all.findIndex((e) => e.contains(document.activeElement));
    const next = all[Math.max(0, Math.min(all.length - 1, at + by_))];
    if (next) {
      next.firstElementChild.focus();
      next.scrollIntoView({ block: "nearest" });
    }
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea")) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "/") { event.preventDefault(); by("find").focus(); }
  });

  const follow = () => {
    const entry = /^#t\d+$/.test(location.hash) && by(location.hash.slice(1));
    if (!entry) return;
    if (entry.hidden) {
      by("pair").selectedIndex = 0; by("side").value = ""; by("find").value = "";
      filter();
    }
    entry.open = true;
    entry.scrollIntoView();
    entry.firstElementChild.focus();
  };
  addEventListener("hashchange", follow);
  document.addEventListener("toggle", opening, true);
  filter();
  follow();
})();
