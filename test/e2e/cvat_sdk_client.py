"""Uses a CVAT server through the official cvat-sdk, as its documentation shows, and prints what came of it as JSON.

    look PROJECT                                 logs in, reads lists, one project with all its tasks and jobs, logs out
    download PROJECT TASK FOLDER NAME [NAME …]   exports and fetches what DOWNLOADS names, all at once
    refusals PROJECT FOREIGN NO_DATA             does what the server must refuse: PROJECT is the user's own project,
                                                 FOREIGN somebody else's, NO_DATA a task without data
    restore KIND FILE                            restores a project or a task (KIND) from an archive and reads what came of it
    compare PROJECT [PROJECT …]                  reads projects as restore reads what came of an archive
    members FILE [FILE …]                        reads archives that are there already

CVAT_URL names the server; CVAT_USERNAME with CVAT_PASSWORD, or CVAT_ACCESS_TOKEN, the login. Nothing is set that the
SDK has a default for, its waiting time of 5 s between two looks at an export included.
"""

import json
import os
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from pathlib import Path

FORMAT = "CVAT for images 1.1"

DOWNLOADS = {
    "project-backup": lambda project, task, file: project.download_backup(file),
    "task-backup": lambda project, task, file: task.download_backup(file),
    "project-annotations": lambda project, task, file: project.export_dataset(FORMAT, file, include_images=False),
    "project-dataset": lambda project, task, file: project.export_dataset(FORMAT, file),
    # Into a folder, the file gets the name that the server gave it.
    "task-dataset": lambda project, task, file: task.export_dataset(FORMAT, file.parent),
}


def connect():
    # Loaded late: reading archives needs no SDK.
    from cvat_sdk import make_client

    url, token = os.environ["CVAT_URL"], os.environ.get("CVAT_ACCESS_TOKEN")
    if token:
        return make_client(url, access_token=token)
    return make_client(url, credentials=(os.environ["CVAT_USERNAME"], os.environ["CVAT_PASSWORD"]))


def look(project_id):
    with connect() as client:
        project = client.projects.retrieve(int(project_id))
        organizations = [organization.slug for organization in client.organizations.list()]
        seen = {
            "user": client.users.retrieve_current_user().username,
            "organizations": organizations,
            "projects": names(client.projects.list()),
            "personalProjects": in_organization(client, ""),
            "projectsOf": {slug: in_organization(client, slug) for slug in organizations},
            "project": {
                "name": project.name,
                "labels": names(project.get_labels()),
                "tasks": [describe_task(task) for task in project.get_tasks()],
            },
        }
        client.logout()
        return seen


def in_organization(client, slug):
    with client.organization_context(slug):
        return names(client.projects.list())


def names(rows):
    return [row.name for row in rows]


def describe_task(task):
    return {
        "name": task.name,
        "subset": task.subset,
        # A task without data has no size at all.
        "frames": [frame.name for frame in task.get_frames_info()] if task.data else None,
        "jobs": [[job.type, job.start_frame, job.stop_frame] for job in task.get_jobs()],
    }


def download(project_id, task_id, folder, *wanted):
    def fetch(name):
        with connect() as client:
            project = client.projects.retrieve(int(project_id))
            task = client.tasks.retrieve(int(task_id))
            return inspect(DOWNLOADS[name](project, task, Path(folder, f"{name}.zip")))

    with ThreadPoolExecutor(max_workers=len(DOWNLOADS)) as pool:
        return dict(zip(wanted, pool.map(fetch, wanted)))


def inspect(path):
    with zipfile.ZipFile(path) as archive:
        return {
            "name": Path(path).name,
            "firstBadMember": archive.testzip(),
            "members": [[member.filename, member.file_size, member.CRC] for member in archive.infolist()],
        }


def refusals(project_id, foreign_id, task_without_data):
    from cvat_sdk import make_client

    url, user = os.environ["CVAT_URL"], os.environ["CVAT_USERNAME"]
    with connect() as client:
        project = client.projects.retrieve(int(project_id))
        task = client.tasks.retrieve(int(task_without_data))
        outcomes = {
            "wrong password": attempt(lambda: make_client(url, credentials=(user, "wrong"))),
            "unknown token": attempt(lambda: make_client(url, access_token="wrong").projects.list()),
            "no login": attempt(lambda: make_client(url).projects.list()),
            "somebody else's project": attempt(lambda: client.projects.retrieve(int(foreign_id))),
            "unknown project": attempt(lambda: client.projects.retrieve(987654)),
            "unknown organization": attempt(lambda: in_organization(client, "nobody")),
            "unknown format": attempt(lambda: project.export_dataset("No such format 1.0", "unused.zip")),
            "backup of a task without data": attempt(lambda: task.download_backup("unused.zip")),
            "dataset of a task without data": attempt(lambda: task.export_dataset(FORMAT, "unused.zip")),
        }
        cookies = copy(client.api_client.cookies)
        client.logout()
        client.api_client.cookies = cookies
        outcomes["session after logging out"] = attempt(client.projects.list)
        return outcomes


def restore(kind, file):
    with connect() as client:
        repository = {"project": client.projects, "task": client.tasks}[kind]
        restored = repository.create_from_backup(file)
        return {"id": restored.id, **describe_whole(restored, kind)}


def describe_whole(restored, kind):
    tasks = restored.get_tasks() if kind == "project" else [restored]
    return {
        "name": restored.name,
        "labels": names(restored.get_labels()),
        "tasks": [describe_restored(task) for task in tasks],
    }


def compare(*ids):
    with connect() as client:
        return [describe_whole(client.projects.retrieve(int(project)), "project") for project in ids]


def describe_restored(task):
    annotations = task.get_annotations()
    return {
        **describe_task(task),
        "deletedFrames": task.get_meta().deleted_frames,
        "annotations": [len(annotations.tags), len(annotations.shapes), len(annotations.tracks)],
    }


def attempt(call):
    from cvat_sdk.api_client.exceptions import ApiException
    from cvat_sdk.core.exceptions import BackgroundRequestException

    try:
        call()
    except ApiException as error:
        return error.status
    except BackgroundRequestException:
        return "failed request"
    return "accepted"


def members(*files):
    return [inspect(file) for file in files]


COMMANDS = {
    "look": look,
    "download": download,
    "refusals": refusals,
    "restore": restore,
    "compare": compare,
    "members": members,
}

if __name__ == "__main__":
    json.dump(COMMANDS[sys.argv[1]](*sys.argv[2:]), sys.stdout)
