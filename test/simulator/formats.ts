// The annotation formats that the server names: what `GET /api/server/annotation/formats` holds.

export interface Format {
  readonly name: string
  readonly ext: string
  readonly version: string
  readonly enabled: boolean
  readonly dimension: '2d' | '3d'
}

type Row = readonly [title: string, ext: string, version: string]

const importers: readonly Row[] = [
  ['CamVid', 'ZIP', '1.0'],
  ['Cityscapes', 'ZIP', '1.0'],
  ['COCO', 'JSON, ZIP', '1.0'],
  ['COCO Keypoints', 'JSON, ZIP', '1.0'],
  ['CVAT', 'XML, ZIP', '1.1'],
  ['Datumaro', 'JSON, ZIP', '1.0'],
  ['Datumaro 3D', 'JSON, ZIP', '1.0'],
  ['ICDAR Recognition', 'ZIP', '1.0'],
  ['ICDAR Localization', 'ZIP', '1.0'],
  ['ICDAR Segmentation', 'ZIP', '1.0'],
  ['ImageNet', 'ZIP', '1.0'],
  ['KITTI', 'ZIP', '1.0'],
  ['LabelMe', 'ZIP', '3.0'],
  ['LFW', 'ZIP', '1.0'],
  ['Market-1501', 'ZIP', '1.0'],
  ['Segmentation mask', 'ZIP', '1.1'],
  ['MOT', 'ZIP', '1.1'],
  ['MOTS PNG', 'ZIP', '1.0'],
  ['Open Images V6', 'ZIP', '1.0'],
  ['PASCAL VOC', 'ZIP', '1.1'],
  ['Sly Point Cloud Format', 'ZIP', '1.0'],
  ['Kitti Raw Format', 'ZIP, XML', '1.0'],
  ['VGGFace2', 'ZIP', '1.0'],
  ['WiderFace', 'ZIP', '1.0'],
  ['YOLO', 'ZIP', '1.1'],
  ['Ultralytics YOLO Detection', 'ZIP', '1.0'],
  ['Ultralytics YOLO Segmentation', 'ZIP', '1.0'],
  ['Ultralytics YOLO Oriented Bounding Boxes', 'ZIP', '1.0'],
  ['Ultralytics YOLO Pose', 'ZIP', '1.0'],
  ['Ultralytics YOLO Classification', 'ZIP', '1.0'],
]

const exporters: readonly Row[] = [
  ['CamVid', 'ZIP', '1.0'],
  ['Cityscapes', 'ZIP', '1.0'],
  ['COCO', 'ZIP', '1.0'],
  ['COCO Keypoints', 'ZIP', '1.0'],
  ['CVAT for video', 'ZIP', '1.1'],
  ['CVAT for images', 'ZIP', '1.1'],
  ['Datumaro', 'ZIP', '1.0'],
  ['Datumaro 3D', 'ZIP', '1.0'],
  ['ICDAR Recognition', 'ZIP', '1.0'],
  ['ICDAR Localization', 'ZIP', '1.0'],
  ['ICDAR Segmentation', 'ZIP', '1.0'],
  ['ImageNet', 'ZIP', '1.0'],
  ['KITTI', 'ZIP', '1.0'],
  ['LabelMe', 'ZIP', '3.0'],
  ['LFW', 'ZIP', '1.0'],
  ['Market-1501', 'ZIP', '1.0'],
  ['Segmentation mask', 'ZIP', '1.1'],
  ['MOT', 'ZIP', '1.1'],
  ['MOTS PNG', 'ZIP', '1.0'],
  ['Open Images V6', 'ZIP', '1.0'],
  ['PASCAL VOC', 'ZIP', '1.1'],
  ['Sly Point Cloud Format', 'ZIP', '1.0'],
  ['Kitti Raw Format', 'ZIP', '1.0'],
  ['VGGFace2', 'ZIP', '1.0'],
  ['WiderFace', 'ZIP', '1.0'],
  ['YOLO', 'ZIP', '1.1'],
  ['Ultralytics YOLO Detection', 'ZIP', '1.0'],
  ['Ultralytics YOLO Detection Track', 'ZIP', '1.0'],
  ['Ultralytics YOLO Oriented Bounding Boxes', 'ZIP', '1.0'],
  ['Ultralytics YOLO Segmentation', 'ZIP', '1.0'],
  ['Ultralytics YOLO Pose', 'ZIP', '1.0'],
  ['Ultralytics YOLO Classification', 'ZIP', '1.0'],
]

const spatial = new Set(['Datumaro 3D', 'Sly Point Cloud Format', 'Kitti Raw Format'])

export function listFormats(): { importers: Format[]; exporters: Format[] } {
  return { importers: importers.map(toFormat), exporters: exporters.map(toFormat) }
}

export function isExportFormat(name: string): boolean {
  return exporters.some((row) => toFormat(row).name === name)
}

export function isImportFormat(name: string): boolean {
  return importers.some((row) => toFormat(row).name === name)
}

function toFormat([title, ext, version]: Row): Format {
  return { name: `${title} ${version}`, ext, version, enabled: true, dimension: spatial.has(title) ? '3d' : '2d' }
}
