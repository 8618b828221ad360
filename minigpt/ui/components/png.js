// Draws an SVG file on a canvas, and has the canvas saved as a PNG file.

const LARGER = 2 // pixels for each of the picture's own
const MOST_SIDE = 16_000 // pixels: browsers have no larger canvas
const saved = new WeakMap() // for each place on the page, the press that was answered last

export default function ({ data, parentElement }) {
  if (saved.get(parentElement) === data.press) return
  saved.set(parentElement, data.press)
  save(data)
}

async function save({ svg, file }) {
  const image = await drawn(svg)
  const { width, height } = image
  const scale = Math.min(LARGER, MOST_SIDE / Math.max(width, height))
  const canvas = document.createElement("canvas")
  canvas.width = Math.round(width * scale)
  canvas.height = Math.round(height * scale)
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height)
  saveAs(canvas, file)
}

async function drawn(svg) {
  const address = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }))
  try {
    const image = new Image()
    image.src = address
    await image.decode()
    return image
  } finally {
    URL.revokeObjectURL(address)
  }
}
