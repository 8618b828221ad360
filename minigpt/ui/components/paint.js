// What the components share: the theme's colours, bytes out of text, a canvas that is sharp.

const SMALLEST = 13 // pixels of a letter: less cannot be read on a projector

function themeOf(parentElement) {
  const style = getComputedStyle(parentElement.host ?? parentElement)
  const read = (name) => style.getPropertyValue(`--st-${name}`).trim()
  const scale = (name) => levels(read(`chart-${name}-colors`).split(/,(?![^(]*\))/))
  return {
    page: read("background-color"),
    ink: read("text-color"),
    line: read("border-color"),
    accent: read("primary-color"),
    words: `${SMALLEST}px ${read("font")}`,
    tokens: `${SMALLEST}px ${read("code-font")}`,
    sequential: scale("sequential"),
    diverging: scale("diverging"),
    faint: mixed(read("text-color"), read("background-color"), 0.62),
  }
}

const reader = document.createElement("canvas").getContext("2d", { willReadFrequently: true })

// Red, green and blue of any colour that CSS knows.
function rgb(color) {
  reader.fillStyle = color
  reader.fillRect(0, 0, 1, 1)
  return [...reader.getImageData(0, 0, 1, 1).data.slice(0, 3)]
}

function mixed(color, other, share) {
  const [a, b] = [rgb(color), rgb(other)]
  return `rgb(${a.map((part, i) => Math.round(part * share + b[i] * (1 - share))).join(", ")})`
}

// A palette as 256 colours, each at its place between the palette's own.
function levels(palette) {
  const stops = palette.map((color) => rgb(color.trim()))
  return Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (stops.length - 1)
    const low = Math.min(Math.floor(at), stops.length - 2)
    return stops[low].map((part, k) => Math.round(part + (at - low) * (stops[low + 1][k] - part)))
  })
}

const css = ([r, g, b]) => `rgb(${r}, ${g}, ${b})`

// A colour as one pixel of an image's buffer.
const pixel = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0

// Black or white, whichever can be read on a colour.
const readableOn = ([r, g, b]) => (0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#000" : "#fff")

const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))

// Gives a canvas a size in CSS pixels, and a context that draws in them.
function sized(canvas, width, height, scale = window.devicePixelRatio || 1) {
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)]
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w
    canvas.height = h
    canvas.style.width = `${width}px`
    canvas.style.height = `${height}px`
  }
  const context = canvas.getContext("2d")
  context.setTransform(scale, 0, 0, scale, 0, 0)
  context.clearRect(0, 0, width, height)
  return context
}
