// What components about probabilities share: numbers out of what Python packed, and their words.

function numbersOf(kind, text) {
  return new kind(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer)
}

function percent(p) {
  if (p === 0) return "0 %"
  if (p < 0.0001) return "under 0.01 %"
  if (p < 1 && p > 0.9995) return "over 99.9 %"
  return `${(100 * p).toFixed(p < 0.01 ? 2 : 1)} %`
}

const count = (number) => number.toLocaleString("en-US")

function element(name, className, ...inside) {
  const made = document.createElement(name)
  made.className = className
  made.append(...inside) // text stays text
  return made
}
