// How the JavaScript of the site is linted: make lint-js
const browser = "window document performance location localStorage matchMedia navigator fetch URL URLSearchParams atob setTimeout clearTimeout " +
  "requestAnimationFrame cancelAnimationFrame addEventListener getSelection SVGElement IntersectionObserver OffscreenCanvas createImageBitmap";

export default [
  { ignores: ["build/", ".venv/"] },
  {
    files: ["common/templates/*.js", "*/demo.js"],
    languageOptions: {
      ecmaVersion: 2023,
      sourceType: "script",
      globals: Object.fromEntries(`${browser} demo DATA`.split(" ").map((name) => [name, "readonly"])),
    },
    rules: {
      "no-undef": "error", "no-unused-vars": "error", "no-redeclare": ["error", { builtinGlobals: false }], "no-var": "error",
      "prefer-const": "error", "no-unreachable": "error", "no-dupe-keys": "error", "use-isnan": "error", eqeqeq: "error",
    },
  },
];
